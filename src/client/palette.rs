//! A colour for each nick, the same in every session.

/// Entries of the 256-colour cube that are neither dark nor light, so that they can be read on black and on white. The
/// first sixteen colours are not used, because each terminal defines them differently.
const COLORS: [u8; 14] = [28, 29, 31, 33, 64, 67, 99, 130, 133, 137, 161, 166, 169, 197];

/// The style of a nick.
pub(super) fn style_of(nick: &str) -> anstyle::Style {
    anstyle::Ansi256Color(color_of(nick)).on_default()
}

/// The colour for the FNV-1a hash of the nick, ignoring case.
fn color_of(nick: &str) -> u8 {
    let hash = nick
        .to_lowercase()
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    // The low bits of an FNV hash are the least well mixed.
    COLORS[((hash >> 32) % COLORS.len() as u64) as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Relative luminance, by WCAG 2.
    fn luminance(color: u8) -> f64 {
        let linear = |level: u8| {
            let value = f64::from([0, 95, 135, 175, 215, 255][usize::from(level)]) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        let cube = color - 16;
        0.2126 * linear(cube / 36) + 0.7152 * linear(cube / 6 % 6) + 0.0722 * linear(cube % 6)
    }

    #[test]
    fn every_color_can_be_read_on_black_and_on_white() {
        for color in COLORS {
            let luminance = luminance(color);
            let (on_black, on_white) = ((luminance + 0.05) / 0.05, 1.05 / (luminance + 0.05));
            assert!(on_black > 3.0 && on_white > 3.0, "{color}: {on_black:.1} on black, {on_white:.1} on white");
        }
    }

    #[test]
    fn case_makes_no_other_color() {
        assert_eq!(color_of("Ana"), color_of("aNA"));
    }
}
