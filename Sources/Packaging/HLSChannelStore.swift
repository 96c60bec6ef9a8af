import Synchronization

package import Domain
import HLS
import NIOCore

/// Holds every channel's playlists, init sections, segments and parts as they are sent; one for the whole server.
///
/// Packagers write a change per part, viewers read on any thread; the lock is held for a dictionary's look-up, never for
/// rendering or I/O. What it holds is bounded by each rendition's `SegmentWindow` (I11).
package final class HLSChannelStore: DeliveryOrigin {
    /// What a start of the channel after this one must begin with (design §5, Numbers survive).
    package struct Numbers: Sendable, Equatable {
        /// The next segment's.
        package var mediaSequence: Int64
        /// Of all discontinuities there were.
        package var discontinuitySequence: Int64

        package init(mediaSequence: Int64, discontinuitySequence: Int64) {
            self.mediaSequence = mediaSequence
            self.discontinuitySequence = discontinuitySequence
        }
    }

    fileprivate struct Shelf {
        var numbers: Numbers
        var files: [String: DeliveredResource] = [:]
        var playlists: [String: PlaylistState] = [:]
        /// Nothing will be added: nobody is kept waiting.
        var isClosed = false
    }

    private struct State {
        var shelves: [ChannelName: Shelf] = [:]
        var envelopes: [ChannelName: Envelope] = [:]
        var multivariants: [ChannelName: [String: DeliveredResource]] = [:]
        var watchers: [any DeliveryWatching] = []
    }

    private let state = Mutex(State())
    /// The media playlists that a channel has sooner or later.
    fileprivate static let playlistNames = Set(
        [HLSNames.programme, .audio, .transportStream].map(\.playlist) + [HLSNames.manifest])

    /// How long a player may wait for a list of a channel that starts, in seconds: players that were there before a restart give up
    /// after two or three refusals.
    private static let startPatienceSeconds = 6

    package init() {}

    package func resource(
        _ channel: ChannelName, name: String, directives: PlaylistDirectives
    ) -> DeliveryAnswer {
        let found = state.withLock { state -> (Shelf.Find, isClosed: Bool) in
            guard let shelf = state.shelves[channel] else {
                // Declared, and its packager comes: a player that was there before must not take the channel for gone.
                let isComing =
                    state.multivariants[channel].map { $0[name] != nil || Self.playlistNames.contains(name) } ?? false
                return (isComing ? .nothingYet : .nothing, false)
            }
            return (shelf.find(name, multivariants: state.multivariants[channel]), shelf.isClosed)
        }
        switch found {
        case (.file(let resource), _): return .found(resource)
        case (.soon, isClosed: true): return .notYet(retryAfterSeconds: 1)
        case (.soon(let seconds), _): return .later(withinSeconds: seconds)
        case (.nothing, _): return .notFound
        case (.nothingYet, isClosed: true): return .notYet(retryAfterSeconds: 1)
        case (.nothingYet, _): return .later(withinSeconds: Self.startPatienceSeconds)
        case (.playlist(let playlist), let isClosed):
            let answer = playlist.answer(directives)
            if case .later = answer, isClosed { return .notYet(retryAfterSeconds: 1) }
            return answer
        }
    }

    package func knows(_ channel: ChannelName) -> Bool {
        state.withLock { $0.shelves[channel] != nil || $0.envelopes[channel] != nil }
    }

    package func watch(_ watcher: any DeliveryWatching) {
        state.withLock { $0.watchers.append(watcher) }
    }

    /// The numbers to store for the channel's next start; `nil` when no packager has opened it.
    package func numbers(of channel: ChannelName) -> Numbers? {
        state.withLock { $0.shelves[channel]?.numbers }
    }

    /// Makes the channel known, with nothing to show yet.
    func open(_ channel: ChannelName, numbers: Numbers) {
        change(channel) { $0 = Shelf(numbers: numbers) }
    }

    /// What the multivariant playlists say from now on: what `envelope` lets on air.
    package func declare(_ envelope: Envelope, for channel: ChannelName, memory: any DeliveryMemoryMaker) {
        let playlists = MultivariantPlaylist.all(envelope).mapValues { playlist in
            DeliveredResource(
                content: .text(DeliveredText(gzip: { memory.gzip($0) }, render: { playlist.rendered() })),
                contentType: "application/vnd.apple.mpegurl", caching: .seconds(10))
        }
        state.withLock {
            $0.envelopes[channel] = envelope
            $0.multivariants[channel] = playlists
        }
    }

    /// What was declared last, or the default.
    func envelope(of channel: ChannelName) -> Envelope {
        state.withLock { $0.envelopes[channel] } ?? Envelope()
    }

    /// One update, seen as a whole by every reader.
    func update(_ channel: ChannelName, numbers: Numbers, _ changes: HLSRendition.Changes) {
        change(channel) { shelf in
            for name in changes.dropping { shelf?.files[name] = nil }
            shelf?.files.merge(changes.adding) { _, new in new }
            shelf?.playlists.merge(changes.playlists) { _, new in new }
            shelf?.numbers = numbers
        }
    }

    /// Nothing follows: whoever waits is told to come back later. What there is stays.
    func close(_ channel: ChannelName) {
        change(channel) { $0?.isClosed = true }
    }

    private func change(_ channel: ChannelName, _ body: (inout Shelf?) -> Void) {
        let watchers = state.withLock { state in
            body(&state.shelves[channel])
            return state.watchers
        }
        for watcher in watchers { watcher.deliveryChanged(channel) }
    }
}

extension HLSChannelStore.Shelf {
    fileprivate enum Find {
        case file(DeliveredResource)
        case playlist(PlaylistState)
        /// A part that a playlist has promised, or the segment it belongs to.
        case soon(withinSeconds: Int)
        case nothingYet
        case nothing
    }

    fileprivate func find(_ name: String, multivariants: [String: DeliveredResource]?) -> Find {
        if let file = files[name] { return .file(file) }
        if let playlist = playlists[name] { return .playlist(playlist) }
        // A channel that has begun no segment yet will have these soon.
        if HLSChannelStore.playlistNames.contains(name) { return .nothingYet }
        if let multivariant = multivariants?[name] { return playlists.isEmpty ? .nothingYet : .file(multivariant) }
        for playlist in playlists.values where playlist.promises(name) {
            return .soon(withinSeconds: playlist.longestWaitSeconds)
        }
        return .nothing
    }
}
