/// One line of the audit log: who did what, when, and what it changed (features DJ-22). Written in the transaction of the
/// act itself where the act moves a queue.
package struct AuditRecord: Sendable, Equatable, Encodable {
    package var at: WallTime
    package var actor: Actor
    /// `queue.skip`, `token.create`, `user.disable`.
    package var action: String
    package var channel: ChannelName?
    /// What it was done to: an entry, a user, a token; an id, never a secret.
    package var subject: String?
    /// JSON documents of the state before and after; at most 4 KiB each, `nil` where there is none.
    package var before: String?
    package var after: String?

    package init(
        at: WallTime, actor: Actor, action: String, channel: ChannelName?, subject: String?, before: String?,
        after: String?
    ) {
        self.at = at
        self.actor = actor
        self.action = action
        self.channel = channel
        self.subject = subject
        self.before = before
        self.after = after
    }
}

extension AuditRecord {
    /// Without an address: the log is kept longer than a session.
    package static func viewerKicked(_ gone: ViewerSentAway, seconds: Int, by actor: Actor, at: WallTime) -> AuditRecord
    {
        let (viewer, sessions) = (gone.viewer, gone.ended)
        return AuditRecord(
            at: at, actor: actor, action: "viewer.kick", channel: viewer.channel, subject: "\(viewer.id)", before: nil,
            after: #"{"protocol":"\#(viewer.kind.rawValue)","seconds":\#(seconds),"sessions":\#(sessions)}"#)
    }
}

/// A stored line with its number, which rises.
package struct StoredAuditRecord: Sendable, Equatable, Encodable {
    package var id: Int64
    package var record: AuditRecord

    package init(id: Int64, record: AuditRecord) {
        self.id = id
        self.record = record
    }
}

/// Implemented by `PostgresStore`.
package protocol AuditLog: Sendable {
    func append(_ record: AuditRecord) async throws
    /// Newest first, those with an id below `before`; `limit` is 1…500.
    func records(before: Int64?, limit: Int, channel: ChannelName?) async throws -> [StoredAuditRecord]
}
