import Domain
import NIOCore
import Synchronization

/// What is decoded of one publisher, and for whom: its sound while it is on air or next or somebody listens, a still of its newest
/// key frame when somebody asks. Owned by its `LivePublisher`; any thread. The media path pays one relaxed load for whoever nobody
/// looks at, and never waits.
final class PublisherMonitor: Sendable {
    private struct KeyFrame {
        var format: VideoFormat
        var picture: ByteBuffer
        /// Of the publisher's line; `nil` for one that was kept beside it.
        var sequence: Int64?
    }

    private struct State {
        var onLevels: (@Sendable (SoundLevels) -> Void)?
        var isAttended = false
        var isEnded = false
        var audio: AudioFormat?
        var video: VideoFormat?
        var feed: (any SoundFeed)?
        var listeners: [Int: AsyncStream<SoundLevels>.Continuation] = [:]
        var nextListener = 0
        var still: ByteBuffer?
        var stillMadeAt = Int64.min
        /// The line's key frame that the still shows.
        var stillSequence: Int64?
        var nextStillAt = Int64.min
        /// Somebody waits for the still that is being made.
        var waiting: [CheckedContinuation<ByteBuffer?, Never>] = []
        var isMaking = false
        /// Of pictures that the channel does not take, so that they are in no line.
        var kept: KeyFrame?
        var keepsUntil = Int64.min
    }

    /// A still is made at most so often; after the decoder broke over one, so much later.
    static let stillInterval: Int64 = 5_000_000_000
    static let breakAfterLoss: Int64 = 60_000_000_000
    /// Without a newer one, a still is shown for so long, and whoever asked counts as somebody who looks.
    static let stillSpan: Int64 = 15_000_000_000
    private static let maximumListeners = 16
    private static let maximumWaiting = 32

    private let decoding: PublisherDecoding
    private let line: DelayLine
    private let now: @Sendable () -> Int64
    private let isListening = Atomic(false)
    private let isKeepingPictures = Atomic(false)
    private let state = Mutex(State())

    init(_ decoding: PublisherDecoding, line: DelayLine, now: @escaping @Sendable () -> Int64) {
        self.decoding = decoding
        self.line = line
        self.now = now
    }

    /// Told of all levels from now on.
    func tell(_ onLevels: @escaping @Sendable (SoundLevels) -> Void) { state.withLock { $0.onLevels = onLevels } }

    // MARK: The media path

    func received(_ format: TrackFormat) {
        state.withLock { state in
            switch format {
            case .video(let format): state.video = format
            case .audio(let format):
                state.audio = format
                state.feed?.append(format)
            }
        }
    }

    /// - Parameter isTaken: it goes into the publisher's line.
    func received(_ unit: AccessUnit, isTaken: Bool) {
        switch unit.track {
        case .audio:
            guard isListening.load(ordering: .relaxed) else { return }
            state.withLock { $0.feed }?.append(unit)
        case .video:
            guard !isTaken, unit.isKeyFrame, isKeepingPictures.load(ordering: .relaxed) else { return }
            keep(unit.payload, at: now())
        }
    }

    private func keep(_ picture: ByteBuffer, at now: Int64) {
        state.withLock { state in
            let isWanted = now < state.keepsUntil
            isKeepingPictures.store(isWanted, ordering: .relaxed)
            state.kept = isWanted ? state.video.map { KeyFrame(format: $0, picture: picture) } : nil
        }
    }

    func end() {
        let (listeners, waiting) = state.withLock { state in
            state.isEnded = true
            defer { (state.listeners, state.waiting, state.kept) = ([:], [], nil) }
            return (state.listeners.values, state.waiting)
        }
        refresh()
        for listener in listeners { listener.finish() }
        for one in waiting { one.resume(returning: nil) }
    }

    // MARK: Sound

    /// On air or next: its sound is decoded whoever looks.
    func attend(_ isAttended: Bool) {
        state.withLock { $0.isAttended = isAttended }
        refresh()
    }

    func levels() -> LevelsAnswer {
        let (stream, continuation) = AsyncStream.makeStream(of: SoundLevels.self, bufferingPolicy: .bufferingNewest(1))
        let number: Int? = state.withLock { state in
            guard !state.isEnded, state.listeners.count < Self.maximumListeners else { return nil }
            state.nextListener += 1
            state.listeners[state.nextListener] = continuation
            return state.nextListener
        }
        guard let number else { return state.withLock { $0.isEnded } ? .nobody : .full }
        continuation.onTermination = { [weak self] _ in self?.leave(number) }
        guard refresh() else {
            continuation.finish()
            return .full
        }
        return .levels(stream)
    }

    private func leave(_ listener: Int) {
        state.withLock { $0.listeners[listener] = nil }
        refresh()
    }

    /// Opens or ends the feed, as what is wanted says.
    /// - Returns: whether the sound is being decoded.
    @discardableResult
    private func refresh() -> Bool {
        let (closing, isOpen): ((any SoundFeed)?, Bool) = state.withLock { state in
            let isWanted = !state.isEnded && (state.isAttended || !state.listeners.isEmpty)
            if isWanted, state.feed == nil {
                state.feed = decoding.sound?.open(isEssential: state.isAttended) { [weak self] in self?.measured($0) }
                if let format = state.audio { state.feed?.append(format) }
            }
            state.feed?.watched(!state.listeners.isEmpty)
            defer { isListening.store(state.feed != nil, ordering: .relaxed) }
            guard !isWanted else { return (nil, state.feed != nil) }
            defer { state.feed = nil }
            return (state.feed, false)
        }
        closing?.end()
        return isOpen
    }

    private func measured(_ levels: SoundLevels) {
        let (tell, listeners) = state.withLock { ($0.onLevels, $0.listeners.values) }
        tell?(levels)
        for listener in listeners { listener.yield(levels) }
    }

    // MARK: Stills

    func still() async -> ByteBuffer? {
        guard let maker = decoding.stills else { return nil }
        return await withCheckedContinuation { continuation in
            guard let frame = frame(for: continuation, at: now()) else { return }
            maker.makeStill(frame.format, frame.picture) { [weak self] result in
                guard let self else { return }
                self.made(result, of: frame.sequence)
            }
        }
    }

    /// - Returns: what to make a still of; `nil` when `continuation` was answered or waits for one that is being made.
    private func frame(for continuation: CheckedContinuation<ByteBuffer?, Never>, at now: Int64) -> KeyFrame? {
        let (frame, answer): (KeyFrame?, ByteBuffer??) = state.withLock { state in
            guard !state.isEnded else { return (nil, .some(nil)) }
            state.keepsUntil = now + Self.stillSpan
            isKeepingPictures.store(true, ordering: .relaxed)
            if state.isMaking, state.waiting.count < Self.maximumWaiting {
                state.waiting.append(continuation)
                return (nil, nil)
            }
            let newest = state.isMaking || now < state.nextStillAt ? nil : newestKeyFrame() ?? state.kept
            let isShown = newest?.sequence != nil && newest?.sequence == state.stillSequence
            guard let newest, !isShown else {
                let isFresh = isShown || (state.still != nil && now < state.stillMadeAt + Self.stillSpan)
                return (nil, .some(isFresh ? state.still : nil))
            }
            state.isMaking = true
            state.nextStillAt = now + Self.stillInterval
            state.waiting = [continuation]
            return (newest, nil)
        }
        if let answer { continuation.resume(returning: answer) }
        return frame
    }

    private func newestKeyFrame() -> KeyFrame? {
        guard let key = line.newestKeyFrame(depth: .zero)?.key,
            case .unit(let unit) = line.read(.video, at: key.sequence),
            let format = line.videoFormat(at: key.sequence)
        else { return nil }
        return KeyFrame(format: format, picture: unit.payload, sequence: key.sequence)
    }

    private func made(_ result: Result<ByteBuffer, StillError>, of sequence: Int64?) {
        let now = now()
        let (waiting, still) = state.withLock { state in
            state.isMaking = false
            switch result {
            case .success(let still): (state.still, state.stillMadeAt, state.stillSequence) = (still, now, sequence)
            case .failure(.workerLost): state.nextStillAt = now + Self.breakAfterLoss
            case .failure(.busy), .failure(.undecodable): break
            }
            defer { state.waiting = [] }
            let isFresh = state.still != nil && now < state.stillMadeAt + Self.stillSpan
            return (state.waiting, isFresh ? state.still : nil)
        }
        for one in waiting { one.resume(returning: still) }
    }
}
