package import Domain
package import NIOCore
import RTMP

/// The programme as RTMP messages in chunks, made once for all players and pushes. HEVC goes in Enhanced RTMP's form, and
/// `RTMPHubWriter` leaves it out for peers that did not announce it.
///
/// Every message has a full header (RTMP 1.0 §5.3.1.2.1), so it means the same whatever a connection was sent before, and its
/// timestamp is the programme's own in milliseconds: it rises for 49.7 days and wraps, as RTMP's do.
package struct RTMPHubWrapping: HubWrapping {
    static let encoderName = "Lineup"
    /// Where a full header has its message stream id, behind basic header, timestamp, length and type.
    private static let streamIDOffset = 8

    package init() {}

    package func header(_ format: ProgrammeFormat, at time: MediaTime) -> ByteBuffer {
        Self.header(format, at: time, form: .init(), hasPictures: true)
    }

    package func body(_ unit: ProgrammeUnit) -> ByteBuffer {
        let decodeTime = max(.zero, unit.decodeTime)
        let tag: MediaTagHeader
        switch unit.track {
        case .video:
            let offset = MediaTagEncoder.compositionOffset(
                decodeTime: decodeTime, presentationTime: unit.presentationTime)
            tag = MediaTagEncoder.header(
                unit.videoCodec, isKeyFrame: unit.isKeyFrame, compositionOffset: offset)
        case .audio: tag = MediaTagEncoder.header(AudioFormat.Codec.aac)
        }
        var header = tag.buffer
        header.writeImmutableBuffer(unit.front)
        let message = SharedMessage(
            unit.track == .video ? .video : .audio, timestamp: Self.timestamp(decodeTime), header: header,
            payload: unit.payload)
        // Longer than RTMP can say, which no publisher's limits let in: the readers go without it.
        return message?.bytes ?? ByteBuffer()
    }

    /// - Parameters:
    ///   - form: what the peer wants; see `RTMPHubWriter.Form`.
    ///   - hasPictures: it can show the format's.
    static func header(
        _ format: ProgrammeFormat, at time: MediaTime, form: RTMPHubWriter.Form, hasPictures: Bool
    ) -> ByteBuffer {
        let metadata = MediaTagEncoder.metadata(
            format, encoder: encoderName, isPublishing: form.isPublishing, hasPictures: hasPictures)
        let bodies: [(SharedMessage.Kind, ByteBuffer?)] = [
            (.data, metadata), (.video, hasPictures ? MediaTagEncoder.configuration(of: format.video) : nil),
            (.audio, MediaTagEncoder.configuration(of: format.audio)),
        ]
        var bytes = ByteBuffer()
        for (kind, body) in bodies {
            guard let body, let message = SharedMessage(kind, timestamp: timestamp(time), payload: body) else {
                continue
            }
            bytes.writeImmutableBuffer(message.bytes(streamID: form.streamID))
        }
        return bytes
    }

    static func setStreamID(_ id: UInt32, of message: inout ByteBuffer) {
        guard message.readableBytes > streamIDOffset + 4 else { return }
        message.setInteger(id, at: message.readerIndex + streamIDOffset, endianness: .little)
    }

    /// The programme's first pictures may be decoded before its zero.
    private static func timestamp(_ time: MediaTime) -> UInt32 {
        UInt32(truncatingIfNeeded: max(.zero, time).ticks(timescale: 1000))
    }
}
