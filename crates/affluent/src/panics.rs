//! Panics: one of ours is told as what it is, a fault of the program; one that a library catches itself stays out of sight.

/// From here on panics are told in our words.
pub(crate) fn listen() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let what = panic.payload_as_str().unwrap_or("no reason given");
        // object_store's writer panics when it is aborted after a failed upload; delta catches that and tells the failure.
        if place.contains("object_store") && place.contains("buffered.rs") {
            tracing::debug!("{place}: {what}");
        } else {
            let message = format!("a fault of the program itself: {what} ({place})");
            crate::stderr::error("error: ", &message, Some("please report it, with what was run"), None);
        }
    }));
}
