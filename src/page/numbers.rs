//! Values as people read them: two or three digits and a unit.

/// A count: `950`, `12.3 k`, `4.56 M`.
pub fn count(value: f64) -> String {
    scaled(value, 1000.0, &["", " k", " M", " G"])
}

/// Bytes: `512 B`, `1.5 KiB`.
pub fn bytes(value: f64) -> String {
    scaled(value, 1024.0, &[" B", " KiB", " MiB", " GiB"])
}

/// Nanoseconds: `37 ns`, `61.4 µs`, `1.2 ms`.
pub fn nanos(value: f64) -> String {
    scaled(value, 1000.0, &[" ns", " µs", " ms", " s"])
}

/// A part of one, with as many digits as it takes to tell it from the whole: `50 %`, `99.9 %`.
pub fn percent(value: f64) -> String {
    let percent = (value * 100.0 * 1e6).round() / 1e6;
    format!("{percent} %")
}

fn scaled(value: f64, step: f64, units: &[&str]) -> String {
    let mut value = value;
    let mut unit = 0;
    // What would be rounded up to the step is of the next unit.
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
    text + units[unit]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_digits_and_the_unit_that_fits() {
        let counts = [0.0, 0.21, 7.5, 999.4, 999.7, 12_345.0, 1e6, 2.5e12].map(count);
        assert_eq!(counts, ["0", "0.21", "7.5", "999", "1 k", "12.3 k", "1 M", "2500 G"]);
        assert_eq!([0.000_312, 0.0451].map(count), ["0.00031", "0.045"]);
        assert_eq!([512.0, 1536.0].map(bytes), ["512 B", "1.5 KiB"]);
        assert_eq!([37.0, 61_400.0, 1.2e6].map(nanos), ["37 ns", "61.4 µs", "1.2 ms"]);
        assert_eq!([0.5, 0.99, 0.9999].map(percent), ["50 %", "99 %", "99.99 %"]);
    }
}
