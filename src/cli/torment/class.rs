//! The results of a class, for the terminal and as files.

use super::json;
use crate::host::Origin;
use crate::page::{Page, escape};
use crate::text::{Bilingual, Lang, numbers, say};
use crate::torment::class::Student;
use crate::torment::{Finding, Grade, Verdict, diagnose};
use serde_json::json;

/// Width of the columns of a row on the terminal.
const NAME: usize = 24;
const POINTS: usize = 6;

/// What a row says of a student.
struct Row {
    name: String,
    /// `None` for a server that could not be tested.
    points: Option<f64>,
    /// What to fix first, or why it could not be tested.
    first: String,
    read: &'static str,
    /// How many torments were passed, and how many were tried.
    passed: usize,
    tried: usize,
}

impl Row {
    fn of(lang: Lang, student: &Student) -> Row {
        let name = student.name.clone();
        match &student.result {
            Err(why) => {
                let why = why.in_lang(lang);
                let first = say!(lang, "could not be tested: {why}"; "no se pudo probar: {why}");
                Row { name, points: None, first, read: "", passed: 0, tried: 0 }
            }
            Ok(findings) => {
                let cause = diagnose(findings).first().map(|(cause, _)| cause.lesson());
                let count = |is_it: fn(&Finding) -> bool| findings.iter().filter(|f| is_it(f)).count();
                Row {
                    name,
                    points: Some(Grade::of(findings).points),
                    first: cause.as_ref().map_or_else(String::new, |lesson| lesson.title.in_lang(lang).to_owned()),
                    read: cause.map_or("", |lesson| lesson.read),
                    passed: count(|f| f.verdict == Verdict::Pass),
                    tried: count(|f| f.verdict != Verdict::Skipped),
                }
            }
        }
    }

    fn points(&self, lang: Lang) -> String {
        self.points.map_or_else(|| "-".into(), |points| points_in_words(lang, points))
    }

    fn torments(&self, lang: Lang) -> String {
        let Row { passed, tried, .. } = self;
        match tried {
            0 => "-".into(),
            _ => say!(lang, "{passed} of {tried}"; "{passed} de {tried}"),
        }
    }
}

/// Points with at most one decimal.
pub(super) fn points_in_words(lang: Lang, points: f64) -> String {
    numbers::fixed(lang, points, usize::from(points.fract() != 0.0))
}

static HEAD: [Bilingual; 5] = [
    Bilingual::new("student", "estudiante"),
    Bilingual::new("grade", "nota"),
    Bilingual::new("fix this first", "arreglar primero"),
    Bilingual::new("read on", "para leer"),
    Bilingual::new("torments passed", "pruebas superadas"),
];

/// The columns of [`HEAD`] that hold sentences.
const WORDS: [usize; 2] = [2, 3];

// On the terminal.

pub(super) fn head(lang: Lang) -> String {
    let [name, points, first, ..] = HEAD.each_ref().map(|text| text.in_lang(lang));
    format!("{name:NAME$}{points:>POINTS$}  {first}\n")
}

pub(super) fn row(lang: Lang, student: &Student) -> String {
    let row = Row::of(lang, student);
    format!("{:NAME$}{:>POINTS$}  {}\n", row.name, row.points(lang), row.first).trim_end().to_owned() + "\n"
}

// As files.

/// Comma-separated values, as RFC 4180 has them. The first line has the names of the columns, in English in each
/// language.
pub(super) fn csv(lang: Lang, students: &[Student]) -> String {
    let mut text = String::from("student,grade,passed,tried,first_cause,fix_first,read_on,error\r\n");
    for student in students {
        let row = Row::of(lang, student);
        let cause = student.result.as_ref().ok().and_then(|findings| diagnose(findings).first().map(|(c, _)| c.id()));
        // A point, whatever the language: programs read it.
        let points = row.points.map_or(String::new(), |points| points.to_string());
        let (first, error) = if row.points.is_some() { (row.first.as_str(), "") } else { ("", row.first.as_str()) };
        let (passed, tried) = (row.passed.to_string(), row.tried.to_string());
        let cells = [&row.name, &points, &passed, &tried, &cause.unwrap_or_default(), first, row.read, error];
        text += &(cells.map(quoted).join(",") + "\r\n");
    }
    text
}

fn quoted(cell: &str) -> String {
    // A spreadsheet would take it for a formula.
    let guard = if cell.starts_with(['=', '+', '-', '@']) { "'" } else { "" };
    match cell.contains(['"', ',', '\r', '\n']) || !guard.is_empty() {
        true => format!("\"{guard}{}\"", cell.replace('"', "\"\"")),
        false => cell.to_owned(),
    }
}

pub(super) fn page(lang: Lang, class: &str, students: &[Student]) -> String {
    let mut page = Page::new(lang, &say!(lang, "The class {class}"; "La clase {class}"));
    page.paragraph(&say!(lang,
        "Each server was tested with clients that misbehave as clients and networks do. It has ten points, less three for each \
         mistake that stops all clients, two for one that harms some of them, and one for one by which nobody loses anything. A \
         doubtful mistake costs half.";
        "Cada servidor se probó con clientes que se portan mal como lo hacen clientes y redes. Tiene diez puntos, menos tres por \
         cada error que deja parados a todos los clientes, dos por uno que perjudica a algunos y uno por uno con el que nadie \
         pierde nada. Un error dudoso cuesta la mitad."));
    let rows: Vec<Vec<String>> = students
        .iter()
        .map(|student| {
            let row = Row::of(lang, student);
            let (points, torments) = (row.points(lang), row.torments(lang));
            vec![row.name, points, row.first, row.read.into(), torments]
        })
        .collect();
    page.table_with_words(&HEAD.each_ref().map(|text| text.in_lang(lang).to_owned()), &rows, &WORDS);
    page.heading(&say!(lang, "How it was tested"; "Cómo se probó"));
    page.origin(&Origin::here(), &[]);
    page.html()
}

/// For programs that show the results of tests: a suite for each student, and a case for each torment.
pub(super) fn junit(lang: Lang, students: &[Student]) -> String {
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
    for student in students {
        let suite = xml(&student.name);
        let begin = |tests: usize, failures: usize, errors: usize, skipped: usize| {
            let seconds = student.took.as_secs_f64();
            format!(
                "<testsuite name=\"{suite}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\" \
                 skipped=\"{skipped}\" time=\"{seconds:.3}\">\n"
            )
        };
        match &student.result {
            Err(why) => {
                let why = xml(why.in_lang(lang));
                text += &begin(1, 0, 1, 0);
                text +=
                    &format!("<testcase classname=\"{suite}\" name=\"start\"><error message=\"{why}\"/></testcase>\n");
            }
            Ok(findings) => {
                let count = |verdicts: &[Verdict]| findings.iter().filter(|f| verdicts.contains(&f.verdict)).count();
                let failures = count(&[Verdict::Fail, Verdict::Doubtful]);
                text += &begin(findings.len(), failures, 0, count(&[Verdict::Skipped]));
                for finding in findings {
                    let (name, seconds) = (finding.torment.name, finding.took.as_secs_f64());
                    let seen = xml(finding.seen.in_lang(lang));
                    let result = match finding.verdict {
                        Verdict::Pass => String::new(),
                        Verdict::Skipped => format!("<skipped message=\"{seen}\"/>"),
                        Verdict::Fail | Verdict::Doubtful => format!("<failure message=\"{seen}\"/>"),
                    };
                    text += &format!(
                        "<testcase classname=\"{suite}\" name=\"{name}\" time=\"{seconds:.3}\">{result}</testcase>\n"
                    );
                }
            }
        }
        text += "</testsuite>\n";
    }
    text + "</testsuites>\n"
}

/// Escapes text for XML, which has no control characters but these.
fn xml(text: &str) -> String {
    let allowed: String = text.chars().filter(|c| !c.is_control() || "\t\n\r".contains(*c)).collect();
    escape(&allowed)
}

/// The keys are English in each language.
pub(super) fn json(lang: Lang, students: &[Student], seed: u64) -> serde_json::Value {
    let of = |student: &Student| {
        let mut json = match &student.result {
            Ok(findings) => json::of(lang, findings, seed),
            Err(why) => json::with_error(lang, why.in_lang(lang), seed),
        };
        json["student"] = student.name.clone().into();
        json
    };
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "seed": seed,
        "students": students.iter().map(of).collect::<Vec<_>>(),
    })
}
