//! Tables that all steps and runs write: whoever comes second looks again, instead of being refused as two loads of one stream are.

use crate::error::Error;

/// How often.
const ATTEMPTS: usize = 20;

/// Makes a change from the newest state of a table, anew where somebody else changed it meanwhile.
pub(crate) async fn in_turn<T, F>(change: impl Fn() -> F) -> Result<T, Error>
where
    F: Future<Output = Result<T, Error>>,
{
    for _ in 1..ATTEMPTS {
        match change().await {
            Err(Error::Concurrent { .. }) => {}
            result => return result,
        }
    }
    change().await
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test]
    async fn only_what_others_came_before_is_tried_again_and_not_for_ever() {
        let concurrent = || Error::Concurrent { table: "_affluent.quarantine".to_owned() };
        let tries = Cell::new(0);
        let third = in_turn(|| async {
            tries.set(tries.get() + 1);
            if tries.get() < 3 { Err(concurrent()) } else { Ok(tries.get()) }
        });
        assert_eq!(third.await.unwrap(), 3);
        tries.set(0);
        let never = in_turn(|| async {
            tries.set(tries.get() + 1);
            Err::<(), _>(concurrent())
        });
        assert!(matches!(never.await, Err(Error::Concurrent { .. })));
        assert_eq!(tries.get(), ATTEMPTS);
        tries.set(0);
        let other = in_turn(|| async {
            tries.set(tries.get() + 1);
            Err::<(), _>(Error::Interrupted)
        });
        assert!(matches!(other.await, Err(Error::Interrupted)));
        assert_eq!(tries.get(), 1);
    }
}
