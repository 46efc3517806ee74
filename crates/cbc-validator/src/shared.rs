//! Many observers in one process.

use cbc_view::MessageIndex;

use crate::finality::Standing;
use crate::{Observer, Protocol};

/// Many observers of one network in one process, who share what they hold.
///
/// Every message is held, resolved, checked and told to the estimator once between them: see
/// [`SharedView`](cbc_view::SharedView). This is the owner; it lends one observer at a time.
///
/// ```
/// use std::sync::Arc;
/// use cbc_message::{ValidatorId, ValidatorSet, Weight};
/// use cbc_oracle::CliqueOracle;
/// use cbc_validator::{Blockchain, Observer, SharedObserver};
///
/// let weights = Arc::new(ValidatorSet::new([10, 11, 12].map(Weight::new))?);
/// let observer = Observer::new(Blockchain, CliqueOracle::new(), Arc::clone(&weights));
/// let mut all = SharedObserver::new(observer, weights.len());
/// for turn in 0..9 {
///     let maker = ValidatorId::new(turn % 3);
///     let message = all.of(maker.index()).make_message(maker)?;
///     let held = all.lent().view().latest_message(maker).expect("it has just made it");
///     for other in weights.ids().filter(|&other| other != maker) {
///         all.of(other.index()).receive_held(held)?;
///     }
/// }
/// for id in weights.ids() {
///     assert!(all.of(id.index()).update_safe_estimates()?.advanced().is_some());
/// }
/// # use cbc_view::MessageDag;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct SharedObserver<P: Protocol, O>(Observer<P, O>);

impl<P: Protocol, O> SharedObserver<P, O> {
    /// So many observers, of whom `observer` is number 0, and is lent. The others have seen nothing;
    /// their threshold, archive and checks are the same.
    pub fn new(mut observer: Observer<P, O>, observers: usize) -> Self {
        observer.view.join(observers);
        Self(observer)
    }

    /// An observer. One with a greater number than there is joins now, as do all before it. O(1).
    pub fn of(&mut self, observer: usize) -> &mut Observer<P, O> {
        let lent = self.0.view.observer();
        if observer != lent {
            self.0.view.of(observer);
            let Observer { standing, others, view, .. } = &mut self.0;
            others.resize_with(view.observers(), Standing::default);
            others[lent] = std::mem::replace(standing, std::mem::take(&mut others[observer]));
        }
        &mut self.0
    }

    /// The observer that was lent last.
    pub fn lent(&self) -> &Observer<P, O> {
        &self.0
    }

    /// The same, to receive into.
    pub fn lent_mut(&mut self) -> &mut Observer<P, O> {
        &mut self.0
    }

    /// What an observer has finalized; `None` if there is no such observer.
    pub fn standing(&self, observer: usize) -> Option<&Standing<P::Value>> {
        if observer == self.0.view.observer() {
            return Some(&self.0.standing);
        }
        self.0.others.get(observer)
    }

    /// Whether `message` is justified for an observer.
    pub fn has_justified(&self, observer: usize, message: MessageIndex) -> bool {
        self.0.view.has_justified(observer, message)
    }

    /// Whether all messages before `message` are justified for an observer, and so all that it
    /// cites. O(1).
    pub fn has_justified_all_before(&self, observer: usize, message: MessageIndex) -> bool {
        self.0.view.has_justified_all_before(observer, message)
    }

    /// The observer has seen and finalized nothing from now on.
    pub fn forget(&mut self, observer: usize) {
        self.0.view.forget(observer);
        if observer == self.0.view.observer() {
            self.0.standing = Standing::default();
        } else if let Some(standing) = self.0.others.get_mut(observer) {
            *standing = Standing::default();
        }
    }
}
