//! What each call costs in quota units, as of May 2026. The same for every `format` of a get.

/// The calls Postrider makes or may make, by Google's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    GetProfile,
    HistoryList,
    MessagesList,
    MessagesGet,
    AttachmentsGet,
    LabelsList,
    ThreadsGet,
    Watch,
    Stop,
}

impl Method {
    pub const ALL: [Self; 9] = [
        Self::GetProfile,
        Self::HistoryList,
        Self::MessagesList,
        Self::MessagesGet,
        Self::AttachmentsGet,
        Self::LabelsList,
        Self::ThreadsGet,
        Self::Watch,
        Self::Stop,
    ];

    /// Google's name of the method, as used in `GMAIL_QUOTA`, metrics and spans.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::GetProfile => "getProfile",
            Self::HistoryList => "history.list",
            Self::MessagesList => "messages.list",
            Self::MessagesGet => "messages.get",
            Self::AttachmentsGet => "messages.attachments.get",
            Self::LabelsList => "labels.list",
            Self::ThreadsGet => "threads.get",
            Self::Watch => "watch",
            Self::Stop => "stop",
        }
    }

    /// The method of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.as_str() == name)
    }
}

/// Units for each method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Costs {
    pub get_profile: u32,
    pub history_list: u32,
    pub messages_list: u32,
    pub messages_get: u32,
    pub attachments_get: u32,
    pub labels_list: u32,
    pub threads_get: u32,
    pub watch: u32,
    pub stop: u32,
}

impl Costs {
    /// The table in force since 1 May 2026.
    pub const fn gmail_2026() -> Self {
        Self {
            get_profile: 1,
            history_list: 2,
            messages_list: 5,
            messages_get: 20,
            attachments_get: 20,
            labels_list: 1,
            threads_get: 40,
            watch: 100,
            stop: 50,
        }
    }

    /// The table before it, which older projects keep for a while.
    pub const fn legacy() -> Self {
        Self { messages_get: 5, attachments_get: 5, threads_get: 10, ..Self::gmail_2026() }
    }

    /// Units of one call.
    pub fn of(&self, method: Method) -> u32 {
        match method {
            Method::GetProfile => self.get_profile,
            Method::HistoryList => self.history_list,
            Method::MessagesList => self.messages_list,
            Method::MessagesGet => self.messages_get,
            Method::AttachmentsGet => self.attachments_get,
            Method::LabelsList => self.labels_list,
            Method::ThreadsGet => self.threads_get,
            Method::Watch => self.watch,
            Method::Stop => self.stop,
        }
    }

    /// The same table with another number for one method.
    #[must_use]
    pub fn with(mut self, method: Method, units: u32) -> Self {
        let slot = match method {
            Method::GetProfile => &mut self.get_profile,
            Method::HistoryList => &mut self.history_list,
            Method::MessagesList => &mut self.messages_list,
            Method::MessagesGet => &mut self.messages_get,
            Method::AttachmentsGet => &mut self.attachments_get,
            Method::LabelsList => &mut self.labels_list,
            Method::ThreadsGet => &mut self.threads_get,
            Method::Watch => &mut self.watch,
            Method::Stop => &mut self.stop,
        };
        *slot = units;
        self
    }

    /// The dearest call: no bucket may be smaller.
    pub fn dearest(&self) -> u32 {
        Method::ALL.into_iter().map(|method| self.of(method)).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_follow_googles_page() {
        let (new, old) = (Costs::gmail_2026(), Costs::legacy());
        assert_eq!((new.of(Method::MessagesGet), old.of(Method::MessagesGet)), (20, 5));
        assert_eq!((new.of(Method::ThreadsGet), old.of(Method::ThreadsGet)), (40, 10));
        assert_eq!((new.of(Method::HistoryList), old.of(Method::HistoryList)), (2, 2));
        assert_eq!(new.dearest(), 100);
    }

    #[test]
    fn every_method_has_its_own_number_and_name() {
        for method in Method::ALL {
            assert_eq!(Costs::gmail_2026().with(method, 7_777).of(method), 7_777);
            assert_eq!(Method::parse(method.as_str()), Some(method));
        }
    }
}
