package import NIOCore

package enum TrackKind: String, Sendable, Hashable, CaseIterable {
    case video, audio
}

/// One encoded video picture or audio frame with its timestamps.
///
/// Times are on the publisher's own timeline until `Broadcast` moves them onto the programme's. The payload is shared, never
/// copied, from the socket's buffer to the muxer.
package struct AccessUnit: Sendable {
    package var track: TrackKind
    /// Rises strictly per track once `Ingest` has normalised it (I2).
    package var decodeTime: MediaTime
    /// At or after `decodeTime`; equal to it for audio and for video without reordering.
    package var presentationTime: MediaTime
    /// Video: a picture was found in the NAL units that a decoder can start at: IDR; of HEVC any IRAP picture. Audio: true, but a join is never made at one.
    package var isKeyFrame: Bool
    /// Video: NAL units, each behind a 4-byte big-endian length (ISO/IEC 14496-15 §5.3.4.2). Audio: one raw AAC frame.
    package var payload: ByteBuffer

    package init(
        track: TrackKind, decodeTime: MediaTime, presentationTime: MediaTime, isKeyFrame: Bool, payload: ByteBuffer
    ) {
        self.track = track
        self.decodeTime = decodeTime
        self.presentationTime = presentationTime
        self.isKeyFrame = isKeyFrame
        self.payload = payload
    }
}
