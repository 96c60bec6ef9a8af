import Domain
import Metrics
import NIOCore
import Synchronization

/// Publishers' sound on its way to a decode worker: each feed collects half a second, or a quarter of one for whoever looks, then waits its turn. Any thread appends;
/// the lane's thread takes. Never waits.
final class SoundMeters: SoundDecoding {
    /// On air, next, and those whose meter somebody watches; a few are kept for who is on air or next.
    static let maximumFeeds = 64
    private static let keptForEssential = 8

    private struct State {
        var due = CircularBuffer<Feed>()
        var closing: [UInt32] = []
        var nextID: UInt32 = 0
        var open = 0
    }

    private let state = Mutex(State())
    private let bell: @Sendable () -> Void
    private let feeds: Gauge
    private let decodes: Counter
    private let dropped: Counter

    init(ring bell: @escaping @Sendable () -> Void) {
        self.bell = bell
        feeds = Gauge(label: "lineup_sound_feeds")
        decodes = Counter(label: "lineup_sound_decodes_total")
        dropped = Counter(label: "lineup_sound_dropped_total")
        feeds.record(0)
    }

    func open(isEssential: Bool, onLevels: @escaping @Sendable (SoundLevels) -> Void) -> (any SoundFeed)? {
        let most = isEssential ? Self.maximumFeeds : Self.maximumFeeds - Self.keptForEssential
        let id: UInt32? = state.withLock { state in
            guard state.open < most else { return nil }
            state.open += 1
            state.nextID &+= 1
            feeds.record(state.open)
            return state.nextID
        }
        return id.map { Feed(id: $0, meters: self, onLevels: onLevels) }
    }

    /// - Parameter child: which child the answer comes from: one that was not told of a feed must be.
    func next(for child: Int) -> DecodeJob? {
        let (feed, closing) = state.withLock { state in
            (state.due.popFirst(), state.closing.isEmpty ? nil : state.closing.removeLast())
        }
        if let closing {
            // Its turn comes back at once.
            if let feed { state.withLock { $0.due.prepend(feed) } }
            return DecodeJob(question: DecodeWire.close(feed: closing)) { _ in }
        }
        guard let feed else { return nil }
        guard let question = feed.take(for: child) else { return next(for: child) }
        decodes.increment()
        return DecodeJob(question: question) { feed.answered($0) }
    }

    fileprivate func isDue(_ feed: Feed) {
        state.withLock { $0.due.append(feed) }
        bell()
    }

    fileprivate func ended(_ feed: Feed) {
        state.withLock { state in
            state.open -= 1
            feeds.record(state.open)
            // More than could be open at once are of children that have gone.
            if state.closing.count < Self.maximumFeeds { state.closing.append(feed.id) }
        }
        bell()
    }

    fileprivate func dropped(_ count: Int) { dropped.increment(by: count) }

    /// One publisher's. Stands among the due ones at most once, so these are bounded by the feeds.
    fileprivate final class Feed: SoundFeed {
        private struct State {
            var format: AudioFormat?
            var frames: [ByteBuffer] = []
            var bytes = 0
            var span = MediaTime.zero
            var isDue = false
            var isWatched = false
            /// The child that knows the format.
            var child: Int?
            var isEnded = false
            /// After a child broke over it: not before this.
            var pausesUntil: ContinuousClock.Instant?
        }

        /// What is asked at once: a meter moves four times a second; whether there is any sound at all is to be told
        /// within three seconds, of which two must pass in silence.
        private static let watchedDue = MediaTime.milliseconds(240)
        private static let due = MediaTime.milliseconds(480)
        private static let dueFrames = 64
        /// What waits at most, all of it dropped when it is more: a decoder begins anew with any frame.
        private static let maximumFrames = 512
        private static let maximumBytes = 256 << 10
        private static let pauseAfterLoss: Duration = .seconds(60)

        let id: UInt32
        private let meters: SoundMeters
        private let onLevels: @Sendable (SoundLevels) -> Void
        private let state = Mutex(State())

        init(id: UInt32, meters: SoundMeters, onLevels: @escaping @Sendable (SoundLevels) -> Void) {
            self.id = id
            self.meters = meters
            self.onLevels = onLevels
        }

        func append(_ format: AudioFormat) {
            state.withLock { state in
                guard state.format != format else { return }
                (state.format, state.child) = (format, nil)
                (state.frames, state.bytes, state.span) = ([], 0, .zero)
            }
        }

        func append(_ unit: AccessUnit) {
            let (isDue, dropped) = state.withLock { state in
                guard !state.isEnded, let format = state.format else { return (false, 0) }
                if let end = state.pausesUntil {
                    guard ContinuousClock.now >= end else { return (false, 0) }
                    state.pausesUntil = nil
                }
                var dropped = 0
                if state.frames.count >= Self.maximumFrames
                    || state.bytes + unit.payload.readableBytes > Self.maximumBytes
                {
                    dropped = state.frames.count
                    (state.frames, state.bytes, state.span) = ([], 0, .zero)
                    guard unit.payload.readableBytes <= Self.maximumBytes else { return (false, dropped + 1) }
                }
                state.frames.append(unit.payload)
                state.bytes += unit.payload.readableBytes
                state.span += format.frameDuration
                let due = state.isWatched ? Self.watchedDue : Self.due
                guard !state.isDue, state.span >= due || state.frames.count >= Self.dueFrames else {
                    return (false, dropped)
                }
                state.isDue = true
                return (true, dropped)
            }
            if dropped > 0 { meters.dropped(dropped) }
            if isDue { meters.isDue(self) }
        }

        func watched(_ isWatched: Bool) { state.withLock { $0.isWatched = isWatched } }

        func end() {
            let isFirst = state.withLock { state in
                defer { (state.isEnded, state.frames) = (true, []) }
                return !state.isEnded
            }
            if isFirst { meters.ended(self) }
        }

        func take(for child: Int) -> DecodeWire.Message? {
            state.withLock { state in
                state.isDue = false
                guard !state.isEnded, let format = state.format, !state.frames.isEmpty else { return nil }
                defer {
                    state.child = child
                    (state.frames, state.bytes, state.span) = ([], 0, .zero)
                }
                return DecodeWire.sound(
                    feed: id, format: state.child == child ? nil : format, frames: state.frames)
            }
        }

        func answered(_ result: Result<DecodeWire.Message, DecodeJob.Failure>) {
            switch result {
            case .success(let answer):
                if answer.kind == .levels, let levels = DecodeWire.levels(answer.payload) { onLevels(levels) }
                // Not a format it can decode: asked again with the format after a while.
                if answer.kind == .refused { pause() }
            case .failure: pause()
            }
        }

        private func pause() {
            state.withLock { state in
                state.pausesUntil = .now + Self.pauseAfterLoss
                state.child = nil
                (state.frames, state.bytes, state.span) = ([], 0, .zero)
            }
        }
    }
}
