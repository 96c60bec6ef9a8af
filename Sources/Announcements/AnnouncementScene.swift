package import Domain

/// What is true now, for targets that show it rather than repeat events; put together by the assembly. Any task.
package protocol AnnouncementScene: Sendable {
    /// `nil` where this server does not know: another one owns the channel.
    func view(of channel: ChannelName) async -> QueueView?
    /// `nil`: nobody counts them.
    func listeners(of channel: ChannelName) -> Int?
    /// The channel's page for listeners, when the server knows its public address.
    func watchPage(of channel: ChannelName) -> String?
}
