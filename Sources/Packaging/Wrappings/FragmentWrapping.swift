package import Domain
package import Logging
package import NIOCore
import Synchronization

/// The programme as fragmented MP4 for a hub: an init section for each format, then fragments of both tracks.
///
/// A fragment is closed by the first unit that is `span` or more behind its first, by a key frame, and by a change of source, so
/// that a reader gets media at most `span` after it left and can begin at any key frame.
package final class FragmentWrapping: HubPacketWrapping {
    private struct State {
        var muxer: (any FragmentMuxer)?
        var format: ProgrammeFormat?
        /// Of the open fragment: its first unit.
        var first: (decodeTime: MediaTime, presentationTime: MediaTime, isKeyFrame: Bool)?
        /// The latest, as many as a hub may hold formats in its lag.
        var sections: [(format: ProgrammeFormat, bytes: ByteBuffer)] = []
        var hasComplained = false
    }

    private static let maximumSections = 16

    private let muxers: any FragmentMuxerFactory
    private let span: MediaTime
    private let state = Mutex(State())
    private let logger: Logger

    /// - Parameter span: 20 ms…2 s of media to a fragment.
    package init(muxers: any FragmentMuxerFactory, span: MediaTime = .milliseconds(150), logger: Logger) {
        self.muxers = muxers
        self.span = min(max(span, .milliseconds(20)), .milliseconds(2000))
        self.logger = logger
    }

    /// The init section; empty for a format that cannot be muxed.
    package func header(_ format: ProgrammeFormat, at time: MediaTime) -> ByteBuffer {
        state.withLock { $0.sections.last { $0.format == format }?.bytes } ?? ByteBuffer()
    }

    package func joined(_ format: ProgrammeFormat) -> HubPacket? {
        act { state in
            let rest = try Self.close(&state)
            if state.format != format { state.muxer = nil }
            state.format = format
            state.hasComplained = false
            makeMuxer(&state)
            return rest
        }
    }

    package func packet(_ unit: ProgrammeUnit) -> HubPacket? {
        act { state in
            let isKeyFrame = unit.track == .video && unit.isKeyFrame
            if isKeyFrame { makeMuxer(&state) }
            guard let muxer = state.muxer else { return nil }
            var done: HubPacket?
            if let first = state.first, isKeyFrame || unit.decodeTime - first.decodeTime >= span {
                done = try Self.close(&state)
            }
            do {
                try muxer.append(unit)
                if state.first == nil { state.first = (unit.decodeTime, unit.presentationTime, isKeyFrame) }
            } catch {
                complain(of: error, &state)
            }
            return done
        }
    }

    package func finished() -> HubPacket? {
        act { try Self.close(&$0) }
    }

    private func act(_ body: (inout State) throws -> HubPacket?) -> HubPacket? {
        state.withLock { state in
            do {
                return try body(&state)
            } catch {
                complain(of: error, &state)
                return nil
            }
        }
    }

    /// Where there is none: after a change of format, and after one that failed.
    private func makeMuxer(_ state: inout State) {
        guard state.muxer == nil, let format = state.format else { return }
        do {
            let made = try muxers.makeMuxer(for: format)
            state.sections.removeAll { $0.format == format }
            state.sections.append((format, made.initializationSection))
            if state.sections.count > Self.maximumSections { state.sections.removeFirst() }
            state.muxer = made
        } catch {
            complain(of: error, &state)
        }
    }

    private static func close(_ state: inout State) throws -> HubPacket? {
        guard let first = state.first, let muxer = state.muxer else { return nil }
        state.first = nil
        // Who cannot close a fragment is not asked again.
        state.muxer = nil
        let bytes = try muxer.flush()
        state.muxer = muxer
        guard bytes.readableBytes > 0 else { return nil }
        return HubPacket(
            track: .video, decodeTime: first.decodeTime, presentationTime: first.presentationTime,
            isKeyFrame: first.isKeyFrame, bytes: bytes)
    }

    private func complain(of error: any Error, _ state: inout State) {
        guard !state.hasComplained else { return }
        state.hasComplained = true
        logger.warning("a unit is in no fragment", metadata: ["error": "\(error)"])
    }
}
