//! Formats numbers for people: a few digits and the unit that fits. In Spanish, decimals follow a comma.

use super::Lang;

/// How a value is written in a language.
pub(crate) type Format = fn(Lang, f64) -> String;

/// A count, with three digits: `950`, `12.3 k`, `4.56 M`.
pub(crate) fn count(lang: Lang, value: f64) -> String {
    scaled(lang, value, 1000.0, &["", " k", " M", " G"])
}

/// A size in bytes, with three digits: `512 B`, `1.5 KiB`.
pub(crate) fn bytes(lang: Lang, value: f64) -> String {
    scaled(lang, value, 1024.0, &[" B", " KiB", " MiB", " GiB"])
}

/// A time in nanoseconds, with three digits: `37 ns`, `61.4 µs`, `1.2 ms`.
pub(crate) fn nanos(lang: Lang, value: f64) -> String {
    scaled(lang, value, 1000.0, &[" ns", " µs", " ms", " s"])
}

/// A time in nanoseconds for a sentence, with two or three digits: `37 ns`, `3.1 µs`, `812 ms`.
pub(crate) fn short_nanos(lang: Lang, nanos: u64) -> String {
    let (value, unit) = match nanos {
        ..1_000 => return format!("{nanos} ns"),
        1_000..1_000_000 => (nanos as f64 / 1e3, "µs"),
        1_000_000..1_000_000_000 => (nanos as f64 / 1e6, "ms"),
        _ => (nanos as f64 / 1e9, "s"),
    };
    let digits = if value < 9.95 { 1 } else { 0 };
    format!("{} {unit}", fixed(lang, value, digits))
}

/// A size in bytes as a whole number, in the largest unit in which it is at least 10: `512 bytes`, `8192 KiB`,
/// `64 MiB`.
pub(crate) fn whole_bytes(bytes: usize) -> String {
    match bytes {
        _ if bytes < 10 << 10 => format!("{bytes} bytes"),
        _ if bytes < 10 << 20 => format!("{} KiB", bytes >> 10),
        _ => format!("{} MiB", bytes >> 20),
    }
}

/// A fraction as a whole percentage: `50 %`.
pub(crate) fn whole_percent(lang: Lang, part: f64) -> String {
    format!("{} %", fixed(lang, part * 100.0, 0))
}

/// A fraction as a percentage, with as many digits as it needs: `50 %`, `99.9 %`.
pub(crate) fn percent(lang: Lang, value: f64) -> String {
    let percent = (value * 100.0 * 1e6).round() / 1e6;
    with_mark(lang, format!("{percent} %"))
}

/// A number with this many decimals: `2.50`.
pub(crate) fn fixed(lang: Lang, value: f64, decimals: usize) -> String {
    with_mark(lang, format!("{value:.decimals$}"))
}

/// A number as Rust writes it, with the language's decimal mark.
fn with_mark(lang: Lang, number: String) -> String {
    match lang {
        Lang::En => number,
        Lang::Es => number.replace('.', ","),
    }
}

fn scaled(lang: Lang, value: f64, step: f64, units: &[&str]) -> String {
    let mut value = value;
    let mut unit = 0;
    // A value that would be rounded up to the step gets the next unit.
    while value.abs() >= step - 0.5 && unit + 1 < units.len() {
        value /= step;
        unit += 1;
    }
    let digits = match value.abs() {
        v if v >= 99.95 => 0,
        v if v >= 9.995 => 1,
        v if v >= 0.0995 || v == 0.0 => 2,
        v => (1.0 - v.log10().floor()).min(9.0) as usize,
    };
    let mut text = format!("{value:.digits$}");
    if text.contains('.') {
        text.truncate(text.trim_end_matches('0').trim_end_matches('.').len());
    }
    with_mark(lang, text) + units[unit]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_in_sentences_are_short() {
        let said = [7, 3_140, 74_000, 812_400_000, 2_000_000_000].map(|nanos| short_nanos(Lang::En, nanos));
        assert_eq!(said, ["7 ns", "3.1 µs", "74 µs", "812 ms", "2.0 s"]);
    }

    #[test]
    fn whole_sizes_are_in_the_largest_unit_of_which_there_are_ten() {
        for (bytes, size) in [
            (0, "0 bytes"),
            ((10 << 10) - 1, "10239 bytes"),
            (10 << 10, "10 KiB"),
            ((10 << 20) - 1, "10239 KiB"),
            (10 << 20, "10 MiB"),
            (64 << 20, "64 MiB"),
        ] {
            assert_eq!(whole_bytes(bytes), size);
        }
    }

    #[test]
    fn a_few_digits_and_the_unit_that_fits() {
        let counts = [0.0, 0.21, 7.5, 999.4, 999.7, 12_345.0, 1e6, 2.5e12].map(|value| count(Lang::En, value));
        assert_eq!(counts, ["0", "0.21", "7.5", "999", "1 k", "12.3 k", "1 M", "2500 G"]);
        assert_eq!([0.000_312, 0.0451].map(|value| count(Lang::En, value)), ["0.00031", "0.045"]);
        assert_eq!([512.0, 1536.0].map(|value| bytes(Lang::En, value)), ["512 B", "1.5 KiB"]);
        assert_eq!([37.0, 61_400.0, 1.2e6].map(|value| nanos(Lang::En, value)), ["37 ns", "61.4 µs", "1.2 ms"]);
        assert_eq!([0.5, 0.99, 0.9999].map(|value| percent(Lang::En, value)), ["50 %", "99 %", "99.99 %"]);
    }

    #[test]
    fn decimals_follow_a_comma_in_spanish() {
        let formats: [Format; 5] = [count, bytes, nanos, percent, |lang, value| fixed(lang, value, 2)];
        let said = [0.25, 1536.0, 1234.0, 0.0003, 2.5];
        let said: Vec<_> = formats.iter().zip(said).map(|(format, value)| format(Lang::Es, value)).collect();
        assert_eq!(said, ["0,25", "1,5 KiB", "1,23 µs", "0,03 %", "2,50"]);
        assert_eq!(short_nanos(Lang::Es, 3_140), "3,1 µs");
    }
}
