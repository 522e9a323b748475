//! `/metrics` of a service, as far as one figure of it is wanted.

/// The sum of a counter's series whose labels have this text in them.
pub fn sum(text: &str, metric: &str, label: &str) -> f64 {
    let of = |line: &&str| {
        let rest = line.strip_prefix(metric);
        rest.is_some_and(|rest| rest.starts_with('{') && rest.contains(label))
    };
    let figures = text.lines().filter(of).filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
    figures.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_are_added_by_their_labels() {
        let text = "# HELP a A.\na_total{outcome=\"x\"} 2\na_total{outcome=\"y\"} 3\na_total_more{outcome=\"x\"} 9\n";
        assert!((sum(text, "a_total", "outcome=\"x\"") - 2.0).abs() < f64::EPSILON);
        assert!((sum(text, "a_total", "outcome=") - 5.0).abs() < f64::EPSILON);
    }
}
