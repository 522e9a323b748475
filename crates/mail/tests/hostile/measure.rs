//! What reading a mail costs.

use std::panic::{PanicHookInfo, set_hook, take_hook};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};
use std::time::{Duration, Instant};

use postrider_mail::{Note, ParsedMail, Remote, View, attachment_bytes, parse, preview, shown_html};

use super::ALLOCATOR;

/// One measurement at a time: the allocator counts for the whole process.
static ALONE: Mutex<()> = Mutex::new(());

/// The crate catches panics; here they are counted.
static PANICS: AtomicUsize = AtomicUsize::new(0);

/// Code without optimisation may take longer.
const SLOWNESS: u32 = if cfg!(debug_assertions) { 30 } else { 1 };

/// Taken by each test for as long as it measures.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = take_hook();
        set_hook(Box::new(move |panic: &PanicHookInfo<'_>| {
            PANICS.fetch_add(1, Ordering::SeqCst);
            usual(panic);
        }));
    });
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What was found wrong, all of it.
#[derive(Default)]
pub(crate) struct Wrong(Vec<String>);

impl Wrong {
    pub(crate) fn check(&mut self, name: &str, raw: &[u8]) {
        let _alone = alone();
        self.0.extend(faults(raw).into_iter().map(|fault| format!("{name:?}: {fault}")));
    }

    pub(crate) fn none(self) {
        assert!(self.0.is_empty(), "{}", self.0.join("\n"));
    }
}

/// Ten times the mail and a mebibyte.
pub(crate) fn memory_allowed(size: usize) -> usize {
    10 * size + 1024 * 1024
}

/// A second for each 10 MB; no clock is fit to measure less than some milliseconds beside other programs.
pub(crate) fn time_allowed(size: usize) -> Duration {
    let nanoseconds = u64::try_from(size).unwrap() * 100;
    Duration::from_nanos(nanoseconds).max(Duration::from_millis(20)) * SLOWNESS
}

/// Reads a mail in every way there is; what is wrong about it, in words.
pub(crate) fn faults(raw: &[u8]) -> Vec<String> {
    let panics = PANICS.load(Ordering::SeqCst);
    let mut faults = Vec::new();
    let mail = within(raw, "parse", &mut faults, || parse(raw));
    if mail.notes.contains(&Note::ParserFailed) {
        faults.push("the parser failed".to_owned());
    }
    for attachment in mail.attachments.iter().take(20) {
        let bytes = within(raw, "attachment_bytes", &mut faults, || attachment_bytes(raw, &attachment.part_id));
        if bytes.map(|bytes| bytes.len() as u64) != Some(attachment.size) {
            faults.push(format!("the bytes of {attachment:?} are not there"));
        }
    }
    let place = |id: &str| Some(format!("/files/{id}"));
    let shown = within(raw, "shown_html", &mut faults, || shown_html(raw, &View::default()));
    let remote = View { remote: Remote::Images, cid: Some(&place) };
    let with_images = within(raw, "shown_html with images", &mut faults, || shown_html(raw, &remote));
    if shown != mail.html || with_images.is_some() != shown.is_some() {
        faults.push("the html is not shown as it was read".to_owned());
    }
    preview(mail.text.as_deref().unwrap_or_default(), 200);
    faults.extend(nuls(&mail));
    if PANICS.load(Ordering::SeqCst) > panics {
        faults.push("a panic".to_owned());
    }
    faults
}

fn nuls(mail: &ParsedMail) -> Option<String> {
    format!("{mail:?}").contains("\\0").then(|| "a NUL is left".to_owned()).filter(|_| {
        let headers = mail.headers.iter().flat_map(|header| [&header.name, &header.value]);
        let texts = [&mail.subject, &mail.text, &mail.html].into_iter().flatten();
        headers.chain(texts).any(|text| text.contains('\0'))
    })
}

/// Does it once; again where it took too long, because something else may have run meanwhile.
fn within<T>(raw: &[u8], what: &str, faults: &mut Vec<String>, mut work: impl FnMut() -> T) -> T {
    let before = ALLOCATOR.current_usage();
    ALLOCATOR.reset_peak_usage();
    let mut start = Start::now();
    let mut done = work();
    let mut took = start.elapsed();
    let used = ALLOCATOR.peak_usage().saturating_sub(before);
    for _ in 0..3 {
        if took <= time_allowed(raw.len()) {
            break;
        }
        start = Start::now();
        done = work();
        took = took.min(start.elapsed());
    }
    if used > memory_allowed(raw.len()) {
        faults.push(format!("{what} took {used} bytes for {}", raw.len()));
    }
    if took > time_allowed(raw.len()) {
        faults.push(format!("{what} took {took:?} for {} bytes", raw.len()));
    }
    done
}

/// When work began: by the time this thread had been running, where the system tells it, because tests run side by side.
enum Start {
    Running(Duration),
    Clock(Instant),
}

impl Start {
    fn now() -> Self {
        running().map_or_else(|| Self::Clock(Instant::now()), Self::Running)
    }

    fn elapsed(&self) -> Duration {
        match self {
            Self::Running(start) => running().unwrap_or(*start).saturating_sub(*start),
            Self::Clock(start) => start.elapsed(),
        }
    }
}

fn running() -> Option<Duration> {
    let statistics = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    Some(Duration::from_nanos(statistics.split(' ').next()?.parse().ok()?))
}
