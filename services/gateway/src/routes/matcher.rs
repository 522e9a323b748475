//! Finds the row of a request. Fixed segments win over `{…}`, so `/api/notifications/stats` is never read as an id.

use super::{Route, TABLE, Verb};

/// What the table says about a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Match {
    Found(Route),
    /// The path exists, with other methods only.
    WrongMethod {
        /// In the order of the table.
        allowed: Vec<Verb>,
    },
    Unknown,
}

/// Looks a raw (still percent-encoded) path up. A path that a URL parser downstream could read as another one (dot
/// segments, backslashes, empty segments) is unknown, whatever it starts with.
pub fn find(verb: Option<Verb>, path: &str) -> Match {
    let Some(segments) = segments(path) else { return Match::Unknown };
    // The most specific pattern is the one with the fewest wildcards; several rows share it, one for each method.
    let Some(fewest) = candidates(&segments).map(|route| wildcards(route.pattern)).min() else {
        return Match::Unknown;
    };
    let best = || candidates(&segments).filter(move |route| wildcards(route.pattern) == fewest);
    match best().find(|route| Some(route.verb) == verb) {
        Some(route) => Match::Found(*route),
        None => Match::WrongMethod { allowed: best().map(|route| route.verb).collect() },
    }
}

fn candidates<'a>(segments: &'a [&'a str]) -> impl Iterator<Item = &'static Route> + 'a {
    TABLE.iter().filter(move |route| fits(route.pattern, segments))
}

fn fits(pattern: &str, segments: &[&str]) -> bool {
    let mut left = segments.iter();
    let all = parts(pattern).all(|part| left.next().is_some_and(|segment| is_wildcard(part) || part == *segment));
    all && left.next().is_none()
}

fn parts(pattern: &str) -> impl Iterator<Item = &str> {
    pattern.split('/').skip(1)
}

fn is_wildcard(part: &str) -> bool {
    part.starts_with('{')
}

fn wildcards(pattern: &str) -> usize {
    parts(pattern).filter(|part| is_wildcard(part)).count()
}

/// The segments of a path that every URL parser reads alike; none otherwise.
fn segments(path: &str) -> Option<Vec<&str>> {
    let rest = path.strip_prefix('/')?;
    rest.split('/').map(|segment| plain(segment).then_some(segment)).collect()
}

fn plain(segment: &str) -> bool {
    let odd = |byte: u8| !byte.is_ascii_graphic() || matches!(byte, b'\\' | b'"' | b'<' | b'>' | b'`' | b'#' | b'?');
    if segment.is_empty() || segment.bytes().any(odd) {
        return false;
    }
    let dots = segment.to_ascii_lowercase().replace("%2e", ".");
    !matches!(dots.as_str(), "." | "..")
}

#[cfg(test)]
mod tests {
    use super::super::{Access, Service};
    use super::*;

    fn found(verb: Verb, path: &str) -> Route {
        match find(Some(verb), path) {
            Match::Found(route) => route,
            other => panic!("{path}: {other:?}"),
        }
    }

    #[test]
    fn every_row_finds_itself() {
        for route in TABLE {
            let path = parts(route.pattern)
                .map(|part| if is_wildcard(part) { "0199-x%20y" } else { part })
                .fold(String::new(), |path, part| format!("{path}/{part}"));
            assert_eq!(found(route.verb, &path), *route);
        }
    }

    #[test]
    fn no_row_stands_twice() {
        for (at, route) in TABLE.iter().enumerate() {
            let twice =
                TABLE.iter().skip(at + 1).any(|other| (other.verb, other.pattern) == (route.verb, route.pattern));
            assert!(!twice, "{} {}", route.verb.name(), route.pattern);
        }
    }

    #[test]
    fn fixed_segments_win_over_ids() {
        assert_eq!(found(Verb::Get, "/api/notifications/stats").pattern, "/api/notifications/stats");
        assert_eq!(found(Verb::Post, "/api/v1/emails/processed").pattern, "/api/v1/emails/processed");
        assert_eq!(found(Verb::Get, "/api/notifications/0199").pattern, "/api/notifications/{id}");
    }

    #[test]
    fn a_known_path_with_another_method_names_the_methods_it_has() {
        let Match::WrongMethod { allowed } = find(Some(Verb::Put), "/api/connectors/1") else { panic!() };
        assert_eq!(allowed, [Verb::Get, Verb::Patch, Verb::Delete]);
        assert!(matches!(find(None, "/gmail/sync"), Match::WrongMethod { .. }));
    }

    #[test]
    fn paths_that_a_url_parser_would_rewrite_are_unknown() {
        for path in [
            "/api/v1/emails/../../internal/events",
            "/api/v1/emails/%2e%2E/raw",
            "/api/v1/emails/./raw",
            "/api/v1/emails/\\..\\raw",
            "/api/v1/emails//raw",
            "/api/v1/emails/",
            "//api/v1/emails",
            "/internal/events",
            "/internal/token-leases",
            "/metrics",
            "",
            "/",
            "api/v1/emails",
        ] {
            assert_eq!(find(Some(Verb::Get), path), Match::Unknown, "{path}");
        }
    }

    #[test]
    fn nothing_internal_is_in_the_table_and_intake_is_what_the_reference_lists() {
        assert!(TABLE.iter().all(|route| !route.pattern.starts_with("/internal")));
        let intake: Vec<_> = TABLE.iter().filter(|route| route.access == Access::Intake).collect();
        assert_eq!(intake.len(), 3);
        assert!(intake.iter().all(|route| route.service == Service::Ingest && route.verb == Verb::Post));
    }
}
