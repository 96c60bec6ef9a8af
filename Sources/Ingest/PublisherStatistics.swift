package import Domain
import NIOCore

/// What a publisher sends, as measured; for readiness now and for health later.
package struct PublisherStatistics: Sendable, Equatable {
    /// Video and audio together, over the last whole seconds of arrival; `nil` in the first two.
    package var bitsPerSecond: Int?
    /// From the pictures' own timestamps; `nil` in the first seconds.
    package var frameRate: Double?
    /// The span between the last two key frames.
    package var keyFrameInterval: MediaTime?
    /// Monotonic nanoseconds.
    package var lastArrival: Int64?
    /// Nothing has come for 1.5 s.
    package var isSilent = false
    /// How often the publisher's clock jumped.
    package var cuts = 0
    /// Groups of pictures lost in a full delay line.
    package var droppedGroups = 0
}

/// Measures arriving units. Pure; owned by `ReadinessMeter`.
struct StreamMeasure {
    private static let windowSeconds = 6
    private static let second: Int64 = 1_000_000_000

    private(set) var statistics = PublisherStatistics()
    /// Bytes of whole seconds of arrival, oldest first.
    private var seconds: [Int] = []
    private var secondStart: Int64?
    private var secondBytes = 0
    private var rateStart: MediaTime?
    private var rateCount = 0
    private var lastKeyFrame: MediaTime?

    mutating func received(_ unit: AccessUnit, at now: Int64) {
        countBytes(unit.payload.readableBytes, at: now)
        statistics.lastArrival = now
        guard unit.track == .video else { return }
        if unit.isKeyFrame {
            if let lastKeyFrame { statistics.keyFrameInterval = unit.decodeTime - lastKeyFrame }
            lastKeyFrame = unit.decodeTime
        }
        countPicture(at: unit.decodeTime)
    }

    private mutating func countBytes(_ bytes: Int, at now: Int64) {
        let start = secondStart ?? now
        secondStart = start
        let passed = (now - start) / Self.second
        if passed > 0 {
            seconds.append(secondBytes)
            // Silent seconds count as such, but no more of them than the window holds.
            for _ in 1..<min(max(passed, 1), Int64(Self.windowSeconds) + 1) { seconds.append(0) }
            seconds.removeFirst(max(0, seconds.count - Self.windowSeconds))
            secondBytes = 0
            secondStart = start + passed * Self.second
            if seconds.count >= 2 { statistics.bitsPerSecond = seconds.reduce(0, +) * 8 / seconds.count }
        }
        secondBytes += bytes
    }

    private mutating func countPicture(at time: MediaTime) {
        guard let start = rateStart else {
            rateStart = time
            return
        }
        rateCount += 1
        let span = time - start
        guard span >= .milliseconds(1000) else { return }
        statistics.frameRate = Double(rateCount) / span.seconds
        rateStart = time
        rateCount = 0
    }
}
