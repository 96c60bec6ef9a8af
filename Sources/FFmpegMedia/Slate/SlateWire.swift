import CFFmpeg
import Domain
import NIOCore

/// What a slate worker writes to its standard output, and how it is read back. Both ends are the same binary.
///
///     stream:  "LSLATE1\n"  record  record  …  end record
///     record:  [kind u8][length u32 big-endian][payload]
///
///     1  video configuration   AVCDecoderConfigurationRecord or HEVCDecoderConfigurationRecord, as was asked for, once
///     2  audio configuration   AudioSpecificConfig, once
///     3  key picture           NAL units behind 4-byte lengths; the first picture, and no other
///     4  picture
///     5  silence               one raw AAC frame, once
///     6  end                   u32: how many pictures there were, so that a stream cut short is noticed
enum SlateWire {
    static let magic = Array("LSLATE1\n".utf8)
    /// Of everything together.
    static let maximumBytes = 16 << 20
    static let maximumRecordBytes = 4 << 20
    static let maximumPictures = 240

    enum Kind: UInt8 {
        case videoConfiguration = 1
        case audioConfiguration = 2
        case keyPicture = 3
        case picture = 4
        case silence = 5
        case end = 6
    }

    static func record(_ kind: Kind, _ payload: some Collection<UInt8>) -> [UInt8] {
        let count = UInt32(clamping: payload.count)
        return [kind.rawValue] + (0..<4).map { UInt8(truncatingIfNeeded: count >> (24 - $0 * 8)) } + payload
    }

    /// Reads a whole stream as the answer to `request`.
    /// - Throws: `MediaError(.invalidWorkerOutput)` for anything but a complete stream within the limits above.
    static func clip(from bytes: [UInt8], answering request: SlateRequest) throws(MediaError) -> SlateClip {
        guard bytes.count <= maximumBytes else { throw broken("it is too long") }
        var reader = ByteBuffer(bytes: bytes)
        guard reader.readBytes(length: magic.count) == magic else { throw broken("it does not begin as it must") }
        var parts = Parts()
        while let kind = reader.readInteger(as: UInt8.self) {
            guard let kind = Kind(rawValue: kind), let length = reader.readInteger(as: UInt32.self),
                length <= maximumRecordBytes, let payload = reader.readSlice(length: Int(length))
            else { throw broken("a record is malformed") }
            if try parts.take(kind, payload) { return try parts.clip(answering: request) }
        }
        throw broken("it ends too early")
    }

    static func broken(_ what: String) -> MediaError {
        MediaError(.invalidWorkerOutput, "reading the slate worker's output: \(what)")
    }
}

/// The records of a stream as they come in.
private struct Parts {
    var video: [UInt8]?
    var audio: [UInt8]?
    var silence: ByteBuffer?
    var pictures: [ByteBuffer] = []

    /// - Returns: whether this was the end.
    mutating func take(_ kind: SlateWire.Kind, _ payload: ByteBuffer) throws(MediaError) -> Bool {
        switch kind {
        case .videoConfiguration: video = Array(payload.readableBytesView)
        case .audioConfiguration: audio = Array(payload.readableBytesView)
        case .silence: silence = payload
        case .keyPicture, .picture:
            guard (kind == .keyPicture) == pictures.isEmpty else {
                throw SlateWire.broken("key pictures stand elsewhere than first")
            }
            guard pictures.count < SlateWire.maximumPictures else {
                throw SlateWire.broken("there are too many pictures")
            }
            pictures.append(payload)
        case .end:
            guard payload.getInteger(at: payload.readerIndex, as: UInt32.self) == UInt32(pictures.count) else {
                throw SlateWire.broken("pictures are missing")
            }
            return true
        }
        return false
    }

    func clip(answering request: SlateRequest) throws(MediaError) -> SlateClip {
        guard let video, let audio, audio.count >= 2, let silence, silence.readableBytes > 0, !pictures.isEmpty else {
            throw SlateWire.broken("a record is missing")
        }
        let rate = Int64(request.frameRate)
        let units = pictures.enumerated().map { index, payload in
            let time = MediaTime(ticks: Int64(index), timescale: rate)
            return AccessUnit(
                track: .video, decodeTime: time, presentationTime: time, isKeyFrame: index == 0, payload: payload)
        }
        let format: ProgrammeFormat
        do throws(CodecError) {
            let record = ByteBuffer(bytes: video)
            var picture =
                request.codec == .hevc ? try HEVCConfiguration(record).format : try AVCConfiguration(record).format
            // The encoder writes the rate it was asked for; said here for those that leave it out.
            picture.frameRate = Double(request.frameRate)
            format = ProgrammeFormat(
                video: picture,
                audio: AudioFormat(configuration: audio, sampleRate: request.sampleRate, channels: request.channels))
        } catch {
            throw SlateWire.broken("its picture's configuration is wrong: \(error)")
        }
        return SlateClip(
            format: format, video: units, videoDuration: MediaTime(ticks: Int64(pictures.count), timescale: rate),
            silence: silence)
    }
}

extension SlateRequest {
    /// 4:2:0 halves both sides, so odd ones are rounded up.
    var codedSize: (width: Int, height: Int) { ((width + 1) & ~1, (height + 1) & ~1) }

    /// Two seconds: one closed GOP, as long as the shortest segment.
    var pictureCount: Int { frameRate * 2 }

    /// Of a clip, what fits into this is taken: 8 s at 30 pictures a second.
    var maximumPictureCount: Int { file == nil ? pictureCount : SlateWire.maximumPictures }

    /// In H.264 where this machine has no encoder for what was asked: another codec than the DJ's is better than no slate.
    var encodable: SlateRequest {
        guard avcodec_find_encoder_by_name(SlateWorker.encoderName(of: codec)) == nil else { return self }
        var request = self
        request.codec = .h264
        return request
    }

    /// - Throws: `MediaError(.invalidRequest)` for what no slate can be made of.
    func validate() throws(MediaError) {
        guard (16...4096).contains(width), (16...4096).contains(height) else {
            throw MediaError(.invalidRequest, "a slate is 16…4,096 pixels wide and high, not \(width)x\(height)")
        }
        guard (1...120).contains(frameRate) else {
            throw MediaError(.invalidRequest, "a slate has 1…120 pictures a second, not \(frameRate)")
        }
        guard codec == .h264 || codec == .hevc else {
            throw MediaError(.invalidRequest, "a slate is H.264 or HEVC, not \(codec.name)")
        }
        guard (7350...96_000).contains(sampleRate), (1...8).contains(channels) else {
            throw MediaError(.invalidRequest, "a slate has no audio of \(channels) channels at \(sampleRate) Hz")
        }
    }
}
