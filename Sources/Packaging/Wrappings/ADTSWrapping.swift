package import Domain
package import NIOCore
import Synchronization

/// The programme's sound alone, as AAC frames with ADTS headers, for a hub.
///
/// A reader may begin about every second, so that it starts with a little in hand; a change of the configuration stands in the
/// frames themselves.
package final class ADTSWrapping: HubPacketWrapping {
    private struct State {
        var header: ADTSHeader?
        var lastStart: MediaTime?
    }

    /// Between two places where readers may begin: what a player gets at once.
    private static let group = MediaTime.milliseconds(1000)

    private let state = Mutex(State())

    package init() {}

    package func header(_ format: ProgrammeFormat, at time: MediaTime) -> ByteBuffer { ByteBuffer() }

    package func joined(_ format: ProgrammeFormat) -> HubPacket? {
        state.withLock { state in
            state.header = ADTSHeader(format.audio)
            state.lastStart = nil
        }
        return nil
    }

    /// Frames that ADTS cannot hold are left out; no channel's envelope has them.
    package func packet(_ unit: ProgrammeUnit) -> HubPacket? {
        guard unit.track == .audio else { return nil }
        let (header, isStart) = state.withLock { state -> (ADTSHeader?, Bool) in
            let isStart = state.lastStart.map { unit.decodeTime - $0 >= Self.group } ?? true
            if isStart { state.lastStart = unit.decodeTime }
            return (state.header, isStart)
        }
        var bytes = ByteBufferAllocator().buffer(capacity: ADTSHeader.length + unit.payload.readableBytes)
        guard let header, header.write(payloadBytes: unit.payload.readableBytes, into: &bytes) else { return nil }
        bytes.writeImmutableBuffer(unit.payload)
        return HubPacket(
            track: .audio, decodeTime: unit.decodeTime, presentationTime: unit.presentationTime, isKeyFrame: true,
            startsGroup: isStart, bytes: bytes)
    }

    package func finished() -> HubPacket? { nil }
}
