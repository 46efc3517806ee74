//! Numbers as the tables write them: three significant digits and a unit.

/// Three significant digits of a number in [0.001, 1 000 000), without an exponent.
pub fn significant(value: f64) -> String {
    if !value.is_finite() || value <= 0.0 {
        return "0".to_owned();
    }
    let digits = |value: f64| (2 - value.log10().floor() as i32).max(0);
    // 9.996 becomes 10.0, not 10.00: rounding may make it one digit longer.
    let scale = 10_f64.powi(2 - value.log10().floor() as i32);
    let rounded = (value * scale).round() / scale;
    // 10 to the power of what the logarithm of 0.1 rounds to may be a hair off.
    format!("{rounded:.*}", digits(rounded * (1.0 + 1e-12)) as usize)
}

/// A time in the largest unit of which it is at least one.
pub fn time(nanoseconds: f64) -> String {
    const UNITS: [(f64, &str); 4] = [(1e9, "s"), (1e6, "ms"), (1e3, "µs"), (1.0, "ns")];
    // As 999.7 ns is written 1.00 µs.
    let unit = UNITS.iter().find(|(unit, _)| nanoseconds >= 0.9995 * unit);
    let (unit, name) = unit.copied().unwrap_or((1.0, "ns"));
    format!("{} {name}", significant(nanoseconds / unit))
}

/// A power of ten of nanoseconds, to stand at an axis.
pub fn time_label(nanoseconds: f64) -> String {
    let text = time(nanoseconds);
    let (number, unit) = text.split_once(' ').unwrap_or((&text, ""));
    let number = if number.contains('.') { number.trim_end_matches('0') } else { number };
    format!("{} {unit}", number.trim_end_matches('.'))
}

/// A count, its digits in groups of three.
pub fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_three_significant_digits() {
        let cases = [
            (0.001_234_5, "0.00123"),
            (0.1, "0.100"),
            (0.999_6, "1.00"),
            (1.0, "1.00"),
            (1.234_5, "1.23"),
            (9.996, "10.0"),
            (12.34, "12.3"),
            (99.96, "100"),
            (123.4, "123"),
            (1000.0, "1000"),
            (54_321.0, "54300"),
        ];
        for (value, text) in cases {
            assert_eq!(significant(value), text, "{value}");
        }
    }

    #[test]
    fn a_time_has_the_unit_that_suits_it() {
        let cases = [
            (0.25, "0.250 ns"),
            (1.0, "1.00 ns"),
            (999.4, "999 ns"),
            (999.7, "1.00 µs"),
            (1234.0, "1.23 µs"),
            (45_600_000.0, "45.6 ms"),
            (3.21e9, "3.21 s"),
            (1.234e12, "1230 s"),
        ];
        for (nanoseconds, text) in cases {
            assert_eq!(time(nanoseconds), text, "{nanoseconds}");
        }
    }

    #[test]
    fn a_power_of_ten_has_no_digits_to_spare() {
        let labels = [0.1, 1.0, 10.0, 100.0, 1e3, 1e9].map(time_label);
        assert_eq!(labels, ["0.1 ns", "1 ns", "10 ns", "100 ns", "1 µs", "1 s"]);
    }

    #[test]
    fn a_count_is_in_groups_of_three() {
        assert_eq!([0, 999, 1000, 1_234_567].map(count), ["0", "999", "1 000", "1 234 567"]);
    }
}
