import Domain
import NIOCore
import Synchronization

/// Makes muxers that count: a part's bytes are its numbers of pictures and frames of sound.
struct FakeMuxers: FragmentMuxerFactory {
    final class Failures: Sendable {
        struct Wanted: Sendable {
            var make = false
            var flush = false
            var appendAt: MediaTime?
            var transportStream = false
        }
        private let wanted = Mutex(Wanted())
        func set(_ change: (inout Wanted) -> Void) { wanted.withLock { change(&$0) } }
        var now: Wanted { wanted.withLock { $0 } }
    }

    struct Failure: Error {}

    let failures: Failures

    func makeMuxer(for format: ProgrammeFormat, tracks: FragmentTracks) throws -> any FragmentMuxer {
        if failures.now.make { throw Failure() }
        return Muxer(format: format, tracks: tracks, failures: failures)
    }

    func makeTransportStreamMuxer() throws -> any TransportStreamMuxer {
        if failures.now.transportStream { throw Failure() }
        return TransportStream(failures: failures)
    }

    private final class Muxer: FragmentMuxer {
        let initializationSection: ByteBuffer
        private let tracks: FragmentTracks
        private let failures: Failures
        private var counts: [TrackKind: Int] = [:]

        init(format: ProgrammeFormat, tracks: FragmentTracks, failures: Failures) {
            self.tracks = tracks
            self.initializationSection = ByteBuffer(
                string: tracks == .audio ? "init sound" : "init \(format.video.width)")
            self.failures = failures
        }

        func append(_ unit: ProgrammeUnit) throws {
            if unit.decodeTime == failures.now.appendAt, unit.track == .video { throw Failure() }
            counts[unit.track, default: 0] += 1
        }

        func flush() throws -> ByteBuffer {
            if failures.now.flush { throw Failure() }
            defer { counts = [:] }
            return tracks == .audio
                ? ByteBuffer(string: "[\(counts[.audio] ?? 0)]")
                : ByteBuffer(string: "[\(counts[.video] ?? 0) \(counts[.audio] ?? 0)]")
        }
    }

    private final class TransportStream: TransportStreamMuxer {
        private let failures: Failures
        private var count = 0
        private var tables = ""

        init(failures: Failures) { self.failures = failures }

        func beginSegment() { tables = "tables" }
        func append(_ unit: ProgrammeUnit, format: ProgrammeFormat) throws { count += 1 }
        func take(endsSegment: Bool) throws -> ByteBuffer {
            if failures.now.transportStream { throw Failure() }
            defer {
                count = 0
                tables = ""
            }
            return ByteBuffer(string: endsSegment ? "end" : "\(tables)[\(count)]")
        }
    }
}

/// A host without memory to lend.
struct NoMemory: DeliveryMemoryMaker {
    func makeFile() -> (any GrowingFile)? { nil }
    func gzip(_ bytes: ByteBuffer) -> ByteBuffer? { nil }
}
