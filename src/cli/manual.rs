//! A manual page: what clap_mangen makes of a command and its flags, and further sections.

use super::usage::variable;
use crate::chat::messages::{Notice, Said};
use crate::text::{Bilingual, Lang, say};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};
use std::io;

/// The page of a command, given with the words that call it, such as `trace view`.
pub(super) fn page(words: &str, command: clap::Command, lang: Lang) -> io::Result<String> {
    let further = sections(words, &command, lang);
    let mut command = command;
    // clap's `help` has no page of its own.
    if let Some(help) = command.find_subcommand_mut("help") {
        *help = help.clone().hide(true);
    }
    // Without this it is the last word of the command.
    let source = format!("tertulia {}", env!("CARGO_PKG_VERSION"));
    let (man, mut text) = (Man::new(command.clone()).source(source), Vec::new());
    man.render_title(&mut text)?;
    man.render_name_section(&mut text)?;
    man.render_synopsis_section(&mut text)?;
    man.render_description_section(&mut text)?;
    man.render_options_section(&mut text)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut text)?;
    }
    further.to_writer(&mut text)?;
    man.render_version_section(&mut text)?;
    let mut text = String::from_utf8_lossy(&text).into_owned();
    if lang == Lang::Es {
        for (english, spanish) in WORDS {
            text = text.replace(english, spanish);
        }
    }
    Ok(text)
}

/// The words of clap_mangen's own, which it does not let anybody replace.
const WORDS: &[(&str, &str)] = &[
    (".SH NAME\n", ".SH NOMBRE\n"),
    (".SH SYNOPSIS\n", ".SH SINOPSIS\n"),
    (".SH DESCRIPTION\n", ".SH DESCRIPCIÓN\n"),
    (".SH Órdenes\n", ".SH ÓRDENES\n"),
    (".SH VERSION\n", ".SH VERSIÓN\n"),
    ("Possible values:", "Valores posibles:"),
    ("[default: ", "[por defecto: "),
];

fn sections(words: &str, command: &clap::Command, lang: Lang) -> Roff {
    let mut page = Roff::new();
    let mut section = |title: String, entries: Vec<Entry>| {
        if entries.is_empty() {
            return;
        }
        page.control("SH", [&*title]);
        for (term, meaning) in entries {
            page.control("TP", []);
            page.text([bold(term)]);
            page.text([roman(meaning)]);
        }
    };
    let in_lang = |(term, meaning): &Fixed| (term.in_lang(lang).to_owned(), meaning.in_lang(lang).to_owned());
    let all = |entries: &[Fixed]| entries.iter().map(in_lang).collect();
    if ["serve", "join"].contains(&words) {
        section(say!(lang, "COMMANDS IN THE CHAT"; "ÓRDENES DEL CHAT"), chat_commands(lang));
    }
    section(say!(lang, "EXAMPLES"; "EJEMPLOS"), all(examples(words)));
    section(say!(lang, "EXIT STATUS"; "CÓDIGO DE SALIDA"), all(&exit_status(words)));
    section(say!(lang, "SIGNALS"; "SEÑALES"), all(signals(words)));
    section(say!(lang, "ENVIRONMENT"; "VARIABLES DE ENTORNO"), environment(command, lang));
    page
}

/// A term, and what it means.
type Entry = (String, String);
/// The same in all languages.
type Fixed = (Bilingual, Bilingual);

/// An entry whose term is the same in all languages.
const fn entry(term: &'static str, en: &'static str, es: &'static str) -> Fixed {
    (Bilingual::new(term, term), Bilingual::new(en, es))
}

/// The table that `:help` shows in the chat.
fn chat_commands(lang: Lang) -> Vec<Entry> {
    let help = Said(lang, &Notice::Help).to_string();
    let table = help.lines().filter_map(|line| line.split_once("  "));
    table.map(|(command, meaning)| (command.into(), meaning.trim().into())).collect()
}

fn environment(command: &clap::Command, lang: Lang) -> Vec<Entry> {
    let flags = command.get_arguments().filter(|arg| arg.get_env().is_some()).filter_map(|arg| arg.get_long());
    let meaning = |long| {
        say!(lang,
            "The value of --{long} if the flag is not given.";
            "El valor de --{long} si no se da la opción.")
    };
    let mut entries: Vec<Entry> = flags.map(|long| (variable(long), meaning(long))).collect();
    entries.push((
        "LC_ALL, LC_MESSAGES, LANG".into(),
        say!(lang,
            "The language, if nothing else says it: the first of them that is set.";
            "El idioma, si nada más lo indica: la primera de ellas que tenga valor."),
    ));
    if command.get_arguments().any(|arg| arg.get_long() == Some("color")) {
        entries.push((
            "NO_COLOR".into(),
            say!(lang,
                "If it is set, there are no colours unless --color always is given.";
                "Si tiene valor, no hay colores, salvo con --color always."),
        ));
    }
    entries
}

fn exit_status(words: &str) -> Vec<Fixed> {
    let (en, es) = match words {
        "serve" => ("A signal told the server to stop.", "Una señal cerró el servidor."),
        "join" => ("You left, or the input has ended.", "Saliste, o terminó la entrada."),
        "bench" => (
            "Every line reached every receiver once, in order and unchanged.",
            "Cada línea llegó a cada receptor una vez, en orden y sin cambios.",
        ),
        "torment" => (
            "The server passed everything that could be tried on it.",
            "El servidor superó todo lo que se pudo probar con él.",
        ),
        _ => ("Done.", "Hecho."),
    };
    let failed = match words {
        "torment" => entry(
            "1",
            "There are faults, or something is doubtful. One line on stderr says what to fix first.",
            "Hay fallos, o algo es dudoso. Una línea en stderr dice qué arreglar primero.",
        ),
        _ => entry(
            "1",
            "It failed. One line on stderr says what failed and what to try.",
            "Hubo un fallo. Una línea en stderr dice qué falló y qué probar.",
        ),
    };
    let wrong = entry(
        "2",
        "The command line or a variable of the environment is wrong. Nothing was done.",
        "La línea de órdenes o una variable de entorno es incorrecta. No se hizo nada.",
    );
    let untested = entry(
        "3",
        "The server could not be tested, or not with every torment. One line on stderr says why and what to try.",
        "No se pudo probar el servidor, o no con todas las pruebas. Una línea en stderr dice por qué y qué hacer.",
    );
    let mut all = vec![entry("0", en, es), failed, wrong];
    all.extend((words == "torment").then_some(untested));
    all
}

fn signals(words: &str) -> &'static [Fixed] {
    const SERVE: &[Fixed] = &[
        entry(
            "SIGINT, SIGTERM",
            "The server says goodbye to everybody, writes what is pending for up to two seconds, and ends. A second signal \
             ends it at once.",
            "El servidor se despide de todos, escribe lo pendiente durante dos segundos como mucho, y se cierra. Una segunda \
             señal lo cierra en el acto.",
        ),
        entry(
            "SIGHUP",
            "The server opens the history again by its name, as log rotation needs. If stdout is a terminal, the signal means \
             that the terminal was closed, and the server ends as after SIGTERM.",
            "El servidor vuelve a abrir el historial por su nombre, como pide la rotación de registros. Si stdout es un \
             terminal, la señal indica que se cerró el terminal, y el servidor se cierra como con SIGTERM.",
        ),
        entry(
            "SIGUSR1",
            "The server prints on stderr what it counts: members, lines, deliveries, what is pending, who is paused, who was refused \
             and who has left for what reason, and how long a turn of its loop takes.",
            "El servidor escribe en stderr lo que cuenta: miembros, líneas, entregas, lo pendiente, quién está en pausa, a quién se ha \
             rechazado y quién se ha ido y por qué, y cuánto dura una vuelta de su bucle.",
        ),
    ];
    const COMPARE: &[Fixed] = &[entry(
        "SIGHUP, SIGINT, SIGTERM",
        "The comparison ends, and so do its servers. The exit status is 128 plus the number of the signal.",
        "La comparación termina, y con ella sus servidores. El código de salida es 128 más el número de la señal.",
    )];
    match words {
        "serve" => SERVE,
        "compare" => COMPARE,
        _ => &[],
    }
}

fn examples(words: &str) -> &'static [Fixed] {
    const PROGRAM: &[Fixed] = &[
        entry("tertulia serve", "Serve on 127.0.0.1:8889.", "Inicia un servidor en 127.0.0.1:8889."),
        entry("tertulia join --nick ana", "Join that server.", "Entra en ese servidor."),
        entry("nc 127.0.0.1 8889", "Join it without this program.", "Entra en él sin este programa."),
    ];
    const SERVE: &[Fixed] = &[
        entry(
            "tertulia serve 0.0.0.0 --history talk.jsonl",
            "Let others on the network in, and keep what is said.",
            "Deja entrar a otros de la red, y guarda lo que se dice.",
        ),
        entry(
            "tertulia serve --mode threaded --slow 2000",
            "Explain each step, and pause for two seconds after it.",
            "Explica cada paso, con una pausa de dos segundos tras cada uno.",
        ),
        entry(
            "TERTULIA_MAX_CLIENTS=64 tertulia serve :9000",
            "Serve 64 clients on another port.",
            "Atiende a 64 clientes en otro puerto.",
        ),
    ];
    const JOIN: &[Fixed] = &[
        entry(
            "tertulia join chat.example:9000 --nick ana",
            "Join a server on another machine.",
            "Entra en un servidor de otra máquina.",
        ),
        entry("printf 'hola\\n:q\\n' | tertulia join", "Say one line, and leave.", "Dice una línea y sale."),
    ];
    const BENCH: &[Fixed] = &[
        entry(
            "tertulia bench --talkers 1 --cores same",
            "Measure the round trip of a single line in each mode.",
            "Mide la ida y vuelta de una sola línea en cada modo.",
        ),
        entry(
            "tertulia bench --html out.html",
            "Measure with several numbers of clients, and write a page with plots.",
            "Mide con varios números de clientes y escribe una página con gráficas.",
        ),
        entry(
            "tertulia bench --addr :9000 --pid 4711",
            "Measure another server, and what its process uses.",
            "Mide otro servidor, y lo que consume su proceso.",
        ),
    ];
    const COMPARE: &[Fixed] = &[
        entry(
            "tertulia compare",
            "Compare all modes, and write compare.html.",
            "Compara todos los modos y escribe compare.html.",
        ),
        entry(
            "tertulia compare --json --rounds 9 --clients 2,6,16,64",
            "Measure more often, and print the figures.",
            "Mide más veces y escribe las cifras.",
        ),
    ];
    const TRACE: &[Fixed] = &[
        entry(
            "tertulia serve --trace talk.json",
            "Record the steps of a server until Ctrl-C.",
            "Graba los pasos de un servidor hasta Ctrl-C.",
        ),
        entry("tertulia trace view talk.json -o talk.html", "Draw them as a page.", "Los dibuja en una página."),
        entry("tertulia trace calls talk.json", "Count their system calls.", "Cuenta sus llamadas al sistema."),
    ];
    const TORMENT: &[Fixed] = &[
        entry(
            "tertulia torment -- ./my-server {port}",
            "Start a server for each torment.",
            "Inicia un servidor para cada prueba.",
        ),
        entry(
            "tertulia torment --login 'nick {n}' localhost:9000",
            "Test a running server that asks for a name first.",
            "Prueba un servidor en marcha que primero pide un nombre.",
        ),
        entry(
            r#"tertulia torment --say '{"say":"{line}"}' -- ./my-server {port}"#,
            "Test a server whose lines are JSON objects.",
            "Prueba un servidor cuyas líneas son objetos JSON.",
        ),
        entry("tertulia torment --irc localhost:6667", "Test an IRC server.", "Prueba un servidor de IRC."),
        entry(
            "tertulia torment --only stuck-reader,flood-all -- ncat -l --chat 127.0.0.1 {port}",
            "Try two torments.",
            "Hace dos pruebas.",
        ),
    ];
    const WHERE: &[Fixed] = &[
        entry("tertulia where :8889", "Look at the server on this port.", "Mira el servidor de este puerto."),
        entry("tertulia where nginx", "Look at all processes of this name.", "Mira todos los procesos de este nombre."),
    ];
    const GALLERY: &[Fixed] = &[
        entry("tertulia gallery", "List the servers.", "Da la lista de los servidores."),
        entry("tertulia gallery 7", "Run one of them.", "Inicia uno de ellos."),
        entry(
            "tertulia torment -- tertulia gallery 7 :{port}",
            "Test it: the report names its mistake.",
            "Lo prueba: el informe dice cuál es su error.",
        ),
        entry(
            "tertulia gallery 7 --cure",
            "Show how to fix it, and the lines that differ.",
            "Muestra cómo corregirlo y las líneas que cambian.",
        ),
        entry(
            "tertulia gallery --names",
            "List the mistakes, for teachers.",
            "Da la lista de los errores, para docentes.",
        ),
    ];
    const COMPLETIONS: &[Fixed] = &[
        entry(
            "source <(tertulia completions bash)",
            "Complete in this shell, if it is bash.",
            "Completa en este shell, si es bash.",
        ),
        entry(
            "tertulia completions fish > ~/.config/fish/completions/tertulia.fish",
            "Complete in every fish.",
            "Completa en cada fish.",
        ),
    ];
    const MAN: &[Fixed] =
        &[entry("tertulia man serve | man -l -", "Read the page of a command.", "Muestra la página de una orden.")];
    match words {
        "" => PROGRAM,
        "serve" => SERVE,
        "join" => JOIN,
        "bench" => BENCH,
        "compare" => COMPARE,
        "trace" | "trace view" | "trace calls" => TRACE,
        "torment" => TORMENT,
        "where" => WHERE,
        "gallery" => GALLERY,
        "completions" => COMPLETIONS,
        "man" => MAN,
        _ => &[],
    }
}
