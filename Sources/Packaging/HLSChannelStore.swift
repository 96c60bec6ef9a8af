import Synchronization

package import Domain
import NIOCore

/// Holds every channel's playlists, init sections and segments as they are sent; one for the whole server.
///
/// Packagers write a change per segment, viewers read on any thread; the lock is held for a dictionary's look-up, never for
/// rendering or I/O. What it holds is bounded by each channel's `SegmentWindow` (I11).
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

    private struct Shelf {
        var numbers: Numbers
        var resources: [String: DeliveredResource] = [:]
    }

    private let shelves = Mutex<[ChannelName: Shelf]>([:])

    package init() {}

    package func resource(_ channel: ChannelName, name: String) -> DeliveryAnswer {
        shelves.withLock { shelves in
            guard let shelf = shelves[channel] else { return .notFound }
            if let resource = shelf.resources[name] { return .found(resource) }
            // A channel that has begun no segment yet will have these soon.
            let isPlaylist = name == HLSName.multivariant || name == HLSName.media
            return isPlaylist ? .notYet(retryAfterSeconds: 1) : .notFound
        }
    }

    /// The numbers to store for the channel's next start; `nil` when no packager has opened it.
    package func numbers(of channel: ChannelName) -> Numbers? {
        shelves.withLock { $0[channel]?.numbers }
    }

    /// Makes the channel known, with nothing to show yet.
    func open(_ channel: ChannelName, numbers: Numbers) {
        shelves.withLock { $0[channel] = Shelf(numbers: numbers) }
    }

    /// One update, seen as a whole by every reader.
    func update(
        _ channel: ChannelName, numbers: Numbers, adding: [String: DeliveredResource], dropping: [String]
    ) {
        shelves.withLock { shelves in
            for name in dropping { shelves[channel]?.resources[name] = nil }
            shelves[channel]?.resources.merge(adding) { _, new in new }
            shelves[channel]?.numbers = numbers
        }
    }
}

/// The names of a channel's files, behind `/hls/CHANNEL/`.
enum HLSName {
    static let multivariant = "index.m3u8"
    static let media = "media.m3u8"
    static func segment(_ number: Int64) -> String { "segment-\(number).m4s" }
    /// Named after the first segment that needs it, so that a name never means other bytes.
    static func initialization(firstSegment number: Int64) -> String { "init-\(number).mp4" }
}
