package import Domain

/// Whom the web server asks; put together by the assembly.
package struct WebServerPorts: Sendable {
    package var accounts: any AccountDesk
    package var profiles: any ProfileDesk
    package var rehearsals: any RehearsalDesk
    package var tokens: any TokenDesk
    package var queue: any QueueDesk
    package var events: any EventLog
    package var history: any QueueHistory
    package var audit: any AuditLog
    package var targets: any TargetDesk
    package var discord: any DiscordLinks
    package var origin: any DeliveryOrigin
    package var viewers: any DeliveryObserving
    package var readiness: [any ReadinessReporting]
    package var streams = ProgrammeStreams.nothing
    package var outputs = OutputSwitches()
    package var regions = ChannelRegions()
    package var viewerDesk: any ViewerDesk = NoViewerDesk()
    package var listings: any ListingStore = NoListings()
    package var handovers: any HandoverLog = NoHandovers()
    package var health: any StreamHealthDesk = NoHealth()
    package var previews: any StreamPreviewDesk = NoPreviews()
    package var studios: any StudioDesk = NoStudios()

    package init(
        accounts: any AccountDesk, profiles: any ProfileDesk, rehearsals: any RehearsalDesk, tokens: any TokenDesk,
        queue: any QueueDesk, events: any EventLog, history: any QueueHistory, audit: any AuditLog,
        targets: any TargetDesk, discord: any DiscordLinks, origin: any DeliveryOrigin,
        viewers: any DeliveryObserving = NoDeliveryObserver(),
        readiness: [any ReadinessReporting]
    ) {
        self.accounts = accounts
        self.profiles = profiles
        self.rehearsals = rehearsals
        self.tokens = tokens
        self.queue = queue
        self.events = events
        self.history = history
        self.audit = audit
        self.targets = targets
        self.discord = discord
        self.origin = origin
        self.viewers = viewers
        self.readiness = readiness
    }
}
