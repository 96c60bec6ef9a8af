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
    package var origin: any DeliveryOrigin
    package var readiness: [any ReadinessReporting]
    package var streams = ProgrammeStreams.nothing

    package init(
        accounts: any AccountDesk, profiles: any ProfileDesk, rehearsals: any RehearsalDesk, tokens: any TokenDesk,
        queue: any QueueDesk,
        events: any EventLog,
        history: any QueueHistory, audit: any AuditLog, origin: any DeliveryOrigin,
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
        self.origin = origin
        self.readiness = readiness
    }
}
