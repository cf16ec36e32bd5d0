//! Planted bugs: each makes a door behave as if the executor, a driver or the ledger had it. A
//! simulation that does not notice one of them proves nothing.

/// A bug.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutant {
    /// The intent is written while the request is on its way.
    IntentAfterSend,
    /// The provider's id is acknowledged before it is written.
    IdNotDurableBeforePoll,
    /// A clip is fetched before the ledger says that it is ready.
    ReadyNotDurableBeforeFetch,
    /// The same for the end.
    DoneNotDurableBeforeSaid,
    /// An unknown outcome is written down as a refusal, and its money given back.
    UnknownWrittenAsRefused,
    /// A driver calls a lost answer a refusal.
    UnknownSaidToBeRefused,
    /// A run starts without what earlier runs hold.
    ReservationsForgottenAtStart,
    /// Bytes are never synced before they get their name.
    SyncDoesNothing,
    /// Names are never synced.
    SyncFolderDoesNothing,
    /// The end is written down before the clip has its name.
    DoneBeforeTheFile,
    /// A file in the way is overwritten.
    LinkOverwrites,
    /// A driver sends again by itself after a lost answer.
    DriverSendsAgain,
    /// An empty list is proof at once, though the request may still arrive.
    LookupSureTooEarly,
    /// A key is trusted for ever.
    ReplayOutsideOfItsWindow,
    /// A fetch that breaks counts as a clip that is gone.
    FetchErrorSaidToBeGone,
    /// A download that was cut counts as whole, and nobody looks into it.
    CutDownloadSaidToBeWhole,
    /// The provider's cost is read in the workspace's unit.
    CostInAnotherUnit,
    /// What a provider says that it charged is not read.
    CostNotRead,
    /// A failure that is charged counts as free.
    ChargedFailureSaidToBeFree,
    /// Two processes run at once.
    LockIgnored,
    /// A ceiling that was lowered still counts as it was.
    LoweredCeilingIgnored,
    /// What has no price is submitted for nothing.
    UnpricedCountsAsFree,
    /// The ledger answers before its commit is on the disk.
    CommitNotSynced,
    /// An intent is written whatever became of the approval of its run.
    ApprovalEndIgnored,
    /// Checks ask for other clips without end.
    RetakesWithoutEnd,
    /// A check asks for another clip whatever a person said.
    ChecksOutrankPeople,
}

impl Mutant {
    /// Every one of them.
    pub const ALL: [Mutant; 26] = [
        Mutant::IntentAfterSend,
        Mutant::IdNotDurableBeforePoll,
        Mutant::ReadyNotDurableBeforeFetch,
        Mutant::DoneNotDurableBeforeSaid,
        Mutant::UnknownWrittenAsRefused,
        Mutant::UnknownSaidToBeRefused,
        Mutant::ReservationsForgottenAtStart,
        Mutant::SyncDoesNothing,
        Mutant::SyncFolderDoesNothing,
        Mutant::DoneBeforeTheFile,
        Mutant::LinkOverwrites,
        Mutant::DriverSendsAgain,
        Mutant::LookupSureTooEarly,
        Mutant::ReplayOutsideOfItsWindow,
        Mutant::FetchErrorSaidToBeGone,
        Mutant::CutDownloadSaidToBeWhole,
        Mutant::CostInAnotherUnit,
        Mutant::CostNotRead,
        Mutant::ChargedFailureSaidToBeFree,
        Mutant::LockIgnored,
        Mutant::LoweredCeilingIgnored,
        Mutant::UnpricedCountsAsFree,
        Mutant::CommitNotSynced,
        Mutant::ApprovalEndIgnored,
        Mutant::RetakesWithoutEnd,
        Mutant::ChecksOutrankPeople,
    ];
}
