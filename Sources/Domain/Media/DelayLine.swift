import Synchronization

/// Holds one publisher's normalised media between its connection's event loop, which appends, and the channel's, which
/// reads (design §5, Delay line). Owned by `Ingest`'s publisher; one writer, one reader. Bounded in memory and, while nobody
/// reads, in time (I11): being full drops the oldest group of pictures and counts it.
///
/// Nothing hops per packet: appending takes an uncontended lock, and the channel's loop is woken only when it asked to be.
/// Each track is numbered from 0 in order of arrival; the numbers survive trimming, and a reader keeps its own.
package final class DelayLine: Sendable {
    /// How much of the past is kept.
    package enum Retention: Sendable, Equatable {
        /// From the newest key frame on: a publisher that is far from its turn.
        case lastGroup
        /// From the newest key frame that has at least this much picture behind it on: on air soon.
        case delayed(Duration)
        /// Everything the reader has not released, and the newest group of pictures: on air, or about to be.
        case reading
    }

    package struct KeyFrame: Sendable, Equatable {
        package var sequence: Int64
        package var decodeTime: MediaTime
        package var presentationTime: MediaTime

        package init(sequence: Int64, decodeTime: MediaTime, presentationTime: MediaTime) {
            self.sequence = sequence
            self.decodeTime = decodeTime
            self.presentationTime = presentationTime
        }
    }

    /// What stands at a place of a track.
    package enum Reading: Sendable {
        case unit(AccessUnit)
        case nothingYet
        /// Nothing yet, and nothing will come.
        case ended
        /// The line was full and dropped this place; the oldest that is left.
        case lost(resumeAt: Int64)
    }

    /// How far a line had come when it was looked at; `wake(after:on:_:)` compares with it, so no append slips between.
    package struct Mark: Sendable, Equatable {
        package var units: UInt64
        package var keyFrames: UInt64
        package var isEnded: Bool
    }

    package enum WakeCondition: Sendable, Equatable {
        case unit
        case keyFrame
    }

    package struct Summary: Sendable, Equatable {
        package var isEnded: Bool
        /// Monotonic nanoseconds of the first and the last append; `nil` before it.
        package var firstArrival: Int64?
        package var newestArrival: Int64?
        /// When arrival began again after the last stall of a second or more; `nil` without one.
        package var steadySince: Int64?
        /// Nanoseconds a track's timestamps run ahead of their arrival, at the best of the last 5 to 10 s. A publisher whose
        /// clock is fast makes it rise.
        package var videoLead: Int64?
        package var audioLead: Int64?
        /// Of all that arrived: video's DTS, audio's PTS.
        package var newestVideo: MediaTime?
        package var newestAudio: MediaTime?
        /// Of memory that is held.
        package var bytes: Int
        /// Groups of pictures lost because the line was full.
        package var droppedGroups: Int
    }

    /// A key frame that is older, beyond the delay, is nobody's to wait for: whoever sends so long a group is not ready, and far from
    /// their turn it is not kept.
    package static let longestGroup = MediaTime.milliseconds(20_000)
    /// The longest group that is kept of whoever is on air, behind a slate, or near their turn, beyond the delay: they may have to
    /// come back from it.
    static let longestGroupNearTurn = MediaTime.milliseconds(60_000)

    private struct State {
        var store: DelayLineStore
        var wake: (condition: WakeCondition, call: @Sendable () -> Void)?
    }

    private let state: Mutex<State>

    /// - Parameter maximumBytes: of memory, both tracks; a quarter of it while the retention is `.lastGroup`.
    package init(maximumBytes: Int = 64 << 20) {
        self.state = Mutex(State(store: DelayLineStore(maximumBytes: maximumBytes)))
    }

    // MARK: The publisher's side

    /// Adds one unit. Video before the first key frame is not kept: nobody could decode it.
    /// - Parameter arrival: monotonic nanoseconds; never goes back.
    package func append(_ unit: AccessUnit, at arrival: Int64) {
        let call = state.withLock { state in
            state.store.append(unit, at: arrival)
            return Self.takeWake(&state, unit.track == .video && unit.isKeyFrame ? .keyFrame : .unit)
        }
        call?()
    }

    /// The format of the units that follow on its track.
    package func append(_ format: TrackFormat) {
        state.withLock { $0.store.append(format) }
    }

    /// Nothing follows. What is held may still be read.
    package func end() {
        let call = state.withLock { state in
            state.store.isEnded = true
            return Self.takeWake(&state, .keyFrame)
        }
        call?()
    }

    // MARK: The channel's side

    package func retain(_ retention: Retention) {
        state.withLock { $0.store.retain(retention) }
    }

    /// The reader needs nothing before these places any more; has an effect while the retention is `.reading`. The newest key frame
    /// and what follows it stay, so that the programme can come back to this line at any time.
    package func release(before video: Int64, audio: Int64) {
        state.withLock { $0.store.release(before: video, audio: audio) }
    }

    package func read(_ track: TrackKind, at sequence: Int64) -> Reading {
        state.withLock { $0.store.read(track, at: sequence) }
    }

    /// The newest key frame with at least `depth` of picture behind it, and how much it has.
    package func newestKeyFrame(depth: Duration) -> (key: KeyFrame, depth: MediaTime)? {
        state.withLock { state in
            state.store.newestKeyFrame(depth: MediaTime(nanoseconds: depth.wholeNanoseconds)).map {
                ($0, state.store.depth(of: $0))
            }
        }
    }

    /// The oldest key frame that has less than `depth` of picture behind it yet, and how much it lacks.
    package func nextKeyFrame(depth: Duration) -> (key: KeyFrame, lacks: MediaTime)? {
        let depth = MediaTime(nanoseconds: depth.wholeNanoseconds)
        return state.withLock { state in
            state.store.keyFrames.first { state.store.depth(of: $0) < depth }.map {
                ($0, depth - state.store.depth(of: $0))
            }
        }
    }

    /// The oldest key frame held that is decoded after `decode` and shown at or after `presentation`.
    package func firstKeyFrame(after decode: MediaTime, from presentation: MediaTime) -> KeyFrame? {
        state.withLock { state in
            state.store.keyFrames.first { $0.decodeTime > decode && $0.presentationTime >= presentation }
        }
    }

    /// When the newest frame of sound begins that has at least `depth` of sound behind it; for lines without picture.
    package func newestSound(depth: Duration) -> MediaTime? {
        state.withLock { $0.store.newestSound(depth: MediaTime(nanoseconds: depth.wholeNanoseconds)) }
    }

    /// The place of the first audio unit at or after `time`; the place of the next to come when none is held.
    package func firstAudio(from time: MediaTime) -> Int64 {
        state.withLock { $0.store.firstAudio(from: time) }
    }

    /// The format that holds for the unit at `sequence`, held or still to come.
    package func videoFormat(at sequence: Int64) -> VideoFormat? {
        state.withLock { $0.store.videoFormats.format(at: sequence) }
    }

    package func audioFormat(at sequence: Int64) -> AudioFormat? {
        state.withLock { $0.store.audioFormats.format(at: sequence) }
    }

    package var summary: Summary { state.withLock { $0.store.summary } }

    package var mark: Mark { state.withLock { $0.store.mark } }

    /// Calls `wake` once, on the writer's thread, at the next append that meets `condition` or at the end. A later call
    /// takes the place of an earlier one.
    /// - Returns: `false`, with nothing registered, when the line is past `mark` already: look again.
    package func wake(
        after mark: Mark, on condition: WakeCondition, _ call: @escaping @Sendable () -> Void
    ) -> Bool {
        state.withLock { state in
            let present = state.store.mark
            guard present.isEnded == mark.isEnded, present.keyFrames == mark.keyFrames,
                condition == .keyFrame || present.units == mark.units
            else { return false }
            state.wake = (condition, call)
            return true
        }
    }

    private static func takeWake(_ state: inout State, _ happened: WakeCondition) -> (@Sendable () -> Void)? {
        guard let wake = state.wake, wake.condition == .unit || happened == .keyFrame else { return nil }
        state.wake = nil
        return wake.call
    }
}
