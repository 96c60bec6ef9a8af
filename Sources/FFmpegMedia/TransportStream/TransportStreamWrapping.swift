package import Domain
package import Logging
package import NIOCore
import Synchronization

/// The programme as an MPEG transport stream for a hub: muxed once, written by every reader.
///
/// A reader begins at a key frame, before which the program tables stand, so there is no header. Whoever lost packets sees a jump
/// of the continuity counters and goes on at a key frame.
package final class TransportStreamWrapping: HubPacketWrapping {
    private struct State {
        var muxer: FFmpegTransportStreamMuxer?
        var format: ProgrammeFormat?
        var hasComplained = false
    }

    private let state = Mutex(State())
    private let logger: Logger

    /// Where libavformat lacks the muxer there is no stream, and the log says so at each join.
    package init(logger: Logger) { self.logger = logger }

    package func header(_ format: ProgrammeFormat, at time: MediaTime) -> ByteBuffer { ByteBuffer() }

    package func joined(_ format: ProgrammeFormat) -> HubPacket? {
        state.withLock { state in
            state.format = format
            state.hasComplained = false
        }
        return nil
    }

    /// What cannot be muxed is left out, and the log says so once for each join.
    package func packet(_ unit: ProgrammeUnit) -> HubPacket? {
        do {
            let bytes = try state.withLock { state -> ByteBuffer in
                guard let format = state.format else { return ByteBuffer() }
                let muxer = try state.muxer ?? FFmpegTransportStreamMuxer(for: .live)
                state.muxer = muxer
                try muxer.append(unit, format: format)
                return try muxer.take(endsSegment: false)
            }
            guard bytes.readableBytes > 0 else { return nil }
            return HubPacket(
                track: unit.track, decodeTime: unit.decodeTime, presentationTime: unit.presentationTime,
                isKeyFrame: unit.isKeyFrame, bytes: bytes)
        } catch {
            let isFirst = state.withLock { state in
                defer { state.hasComplained = true }
                return !state.hasComplained
            }
            if isFirst { logger.warning("a unit is not in the transport stream", metadata: ["error": "\(error)"]) }
            return nil
        }
    }

    package func finished() -> HubPacket? { nil }
}
