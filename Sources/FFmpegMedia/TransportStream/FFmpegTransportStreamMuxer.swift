import CFFmpeg
package import Domain
package import NIOCore

/// Writes programme units as an MPEG transport stream (ISO/IEC 13818-1) through libavformat's mpegts muxer, in memory.
///
/// Owned by one packager or wrapping and used on one thread at a time; no call blocks, none touches a file. One muxer serves
/// every format of one video codec, so continuity counters and tables go on across hand-overs: pictures go with an access unit delimiter,
/// start codes and parameter sets in band, sound as ADTS (`ADTSHeader`), whose header says the configuration of each frame.
///
/// Each video codec has a PID of its own, for players built on FFmpeg take a PID's stream type once and for all. Where the codec
/// changes, libavformat's muxer is made anew: its tables have the next version (ISO/IEC 13818-1 §2.4.4.9), and the first packet of each PID says
/// that its counter is not to be continued (`discontinuity_indicator`, §2.4.3.5).
///
/// Program tables stand before each key frame, where a segment begins, and each `tableInterval` between; the clock reference goes with every picture. A time in
/// the stream is the programme's plus `timeOffset`, modulo 2^33 ticks of 90 kHz (26.5 hours), as players expect.
package final class FFmpegTransportStreamMuxer: TransportStreamMuxer {
    /// What the stream is read as.
    package enum Use: Sendable {
        /// Segments of a playlist: frames of sound are gathered into larger packets.
        case segments
        /// One endless stream: each unit leaves at once and whole, and less is buffered before the first picture.
        case live

        /// How long before its DTS a unit has arrived in the decoder's buffer, in microseconds.
        fileprivate var decoderDelay: Int32 {
            switch self {
            case .segments: 200_000
            case .live: 100_000
            }
        }
    }

    /// Room for the clock reference, which runs `decoderDelay` before the first DTS.
    package static let timeOffset = MediaTime.seconds(10)
    private static let timescale: Int64 = 90_000
    private static let startCode: UInt32 = 1
    /// Seconds. ETSI TR 101 290 §5.2.1 allows 0.5 between two of a table, and one waits for the next unit.
    private static let tableInterval = "0.3"
    /// Seconds. There, §5.2.3 allows 2 for the service's description.
    private static let descriptionInterval = "1.8"
    /// `version_number` has five bits.
    private static let tableVersions: Int32 = 32

    private let use: Use
    private var output: FragmentOutput
    private var context: UnsafeMutablePointer<AVFormatContext>
    private let packet: UnsafeMutablePointer<AVPacket>
    /// What `context` was made for.
    private var codec: VideoFormat.Codec
    private var tableVersion: Int32 = 0
    /// Each unit as the muxer wants it; kept for its memory.
    private var scratch = ByteBuffer()
    private var sound: (format: AudioFormat, header: ADTSHeader?)?
    /// Of the last unit of each track.
    private var decodeTicks = (video: Int64.min, audio: Int64.min)

    /// - Throws: `MediaError` when libavformat lacks the muxer or an option of it.
    package init(for use: Use) throws {
        let output = try FragmentOutput()
        self.context = try Self.makeContext(.h264, use, tableVersion: 0, output)
        if use == .live { output.discard() }
        self.codec = .h264
        self.use = use
        self.output = output
        do {
            self.packet = try allocated(av_packet_alloc(), "av_packet_alloc")
        } catch {
            avformat_free_context(context)
            throw error
        }
    }

    private static func makeContext(
        _ codec: VideoFormat.Codec, _ use: Use, tableVersion: Int32, isFirst: Bool = true, _ output: FragmentOutput
    ) throws -> UnsafeMutablePointer<AVFormatContext> {
        var made: UnsafeMutablePointer<AVFormatContext>?
        try check(avformat_alloc_output_context2(&made, nil, "mpegts", nil), "avformat_alloc_output_context2")
        let context = try allocated(made, "avformat_alloc_output_context2")
        do {
            context.pointee.pb = output.context
            // Payloads are what they should be already; and one write callback for many packets.
            context.pointee.flags =
                (context.pointee.flags | AVFMT_FLAG_CUSTOM_IO) & ~(AVFMT_FLAG_AUTO_BSF | AVFMT_FLAG_FLUSH_PACKETS)
            context.pointee.avoid_negative_ts = 0
            context.pointee.max_delay = use.decoderDelay
            let (identifier, id) = try videoStream(codec)
            try addStream(AVMEDIA_TYPE_VIDEO, identifier, id: id, to: context)
            try addStream(AVMEDIA_TYPE_AUDIO, AV_CODEC_ID_AAC, id: 0x101, to: context)
            try writeHeader(context, use, tableVersion: tableVersion, isFirst: isFirst)
            return context
        } catch {
            avformat_free_context(context)
            throw error
        }
    }

    deinit {
        var pointer: UnsafeMutablePointer<AVPacket>? = packet
        av_packet_free(&pointer)
        freeContext()
    }

    /// The muxer's own memory is freed by its trailer only; what that writes is read by nobody.
    private func freeContext() {
        av_write_trailer(context)
        output.discard()
        avformat_free_context(context)
    }

    /// Goes on with pictures of `codec`. What the muxer still held of the sound is written first.
    private func change(to codec: VideoFormat.Codec) throws {
        try check(av_write_frame(context, nil), "av_write_frame")
        let written = try output.take()
        let version = (tableVersion + 1) % Self.tableVersions
        let fresh = try FragmentOutput()
        let next = try Self.makeContext(codec, use, tableVersion: version, isFirst: false, fresh)
        freeContext()
        (context, output, self.codec, tableVersion) = (next, fresh, codec, version)
        output.begin(with: written)
    }

    private static func videoStream(_ codec: VideoFormat.Codec) throws(MediaError) -> (AVCodecID, id: Int32) {
        switch codec {
        case .h264: (AV_CODEC_ID_H264, 0x100)
        case .hevc: (AV_CODEC_ID_HEVC, 0x102)
        // Not in any channel's envelope.
        case .av1, .vp9: throw MediaError(.invalidRequest, "\(codec.name) is not packaged")
        }
    }

    private static func addStream(
        _ type: AVMediaType, _ codec: AVCodecID, id: Int32, to context: UnsafeMutablePointer<AVFormatContext>
    ) throws {
        let stream = try allocated(avformat_new_stream(context, nil), "avformat_new_stream")
        stream.pointee.id = id
        let parameters = try allocated(stream.pointee.codecpar, "avformat_new_stream")
        parameters.pointee.codec_type = type
        parameters.pointee.codec_id = codec
        if type == AVMEDIA_TYPE_AUDIO {
            // Only to be let in: the truth is in each frame's header.
            parameters.pointee.sample_rate = 48_000
            av_channel_layout_default(&parameters.pointee.ch_layout, 2)
        }
    }

    private static func writeHeader(
        _ context: UnsafeMutablePointer<AVFormatContext>, _ use: Use, tableVersion: Int32, isFirst: Bool
    ) throws {
        try check(av_dict_set(&context.pointee.metadata, "service_provider", "Lineup", 0), "av_dict_set")
        try check(av_dict_set(&context.pointee.metadata, "service_name", "Lineup", 0), "av_dict_set")
        var options: OpaquePointer?
        defer { av_dict_free(&options) }
        var wanted = [
            ("mpegts_copyts", "1"), ("pat_period", Self.tableInterval), ("sdt_period", Self.descriptionInterval),
            ("mpegts_flags", isFirst ? "+resend_headers" : "+resend_headers+initial_discontinuity"),
            ("tables_version", "\(tableVersion)"),
        ]
        // Each frame of sound in a PES packet of its own.
        if use == .live { wanted.append(("pes_payload_size", "0")) }
        for (name, value) in wanted { try check(av_dict_set(&options, name, value, 0), "av_dict_set") }
        try check(avformat_write_header(context, &options), "avformat_write_header")
        guard av_dict_count(options) == 0 else {
            throw MediaError(.missingComponent, "libavformat's mpegts muxer does not know an option we need")
        }
    }

    package func beginSegment() throws {
        // Cleared by its first use.
        try check(av_opt_set(context.pointee.priv_data, "mpegts_flags", "+resend_headers", 0), "av_opt_set")
    }

    /// - Throws: `MediaError` when the DTS does not rise or the payload is no access unit; the unit is lost, the muxer goes on.
    package func append(_ unit: ProgrammeUnit, format: ProgrammeFormat) throws {
        let decode = (unit.decodeTime + Self.timeOffset).ticks(timescale: Self.timescale)
        guard decode >= 0, decode > (unit.track == .video ? decodeTicks.video : decodeTicks.audio) else {
            throw MediaError(.invalidRequest, "a unit's time does not rise")
        }
        let presentation = max(decode, (unit.presentationTime + Self.timeOffset).ticks(timescale: Self.timescale))
        if format.video.codec != codec { try change(to: format.video.codec) }
        scratch.clear()
        switch unit.track {
        case .video:
            try fillPicture(unit)
            try write(to: 0, at: (decode, presentation), isKeyFrame: unit.isKeyFrame)
            decodeTicks.video = decode
        case .audio:
            try fillSound(unit.payload, format.audio)
            try write(to: 1, at: (decode, presentation), isKeyFrame: true)
            decodeTicks.audio = decode
        }
    }

    /// A start code (ITU-T H.264 and H.265, Annex B) in place of each NAL unit's 4-byte length.
    private func fillPicture(_ unit: ProgrammeUnit) throws(MediaError) {
        unit.write(into: &scratch)
        var position = scratch.readerIndex
        while let length = scratch.getInteger(at: position, as: UInt32.self) {
            guard Int(length) <= scratch.writerIndex - position - 4 else { break }
            scratch.setInteger(Self.startCode, at: position)
            position += 4 + Int(length)
        }
        guard unit.payload.readableBytes > 0, position == scratch.writerIndex, position <= Int(Int32.max) else {
            throw MediaError(.invalidRequest, "a picture's NAL lengths do not add up")
        }
    }

    private func fillSound(_ payload: ByteBuffer, _ format: AudioFormat) throws(MediaError) {
        if sound?.format != format { sound = (format, ADTSHeader(format)) }
        guard let header = sound?.header, payload.readableBytes > 0,
            header.write(payloadBytes: payload.readableBytes, into: &scratch)
        else { throw MediaError(.invalidRequest, "a frame of sound that ADTS cannot carry") }
        scratch.writeImmutableBuffer(payload)
    }

    private func write(
        to index: Int32, at times: (decode: Int64, presentation: Int64), isKeyFrame: Bool
    ) throws {
        let (packet, context) = (packet, context)
        try scratch.withUnsafeReadableBytes { bytes in
            // Not reference-counted: the mpegts muxer copies the payload during the call and keeps no pointer.
            packet.pointee.data = UnsafeMutablePointer(mutating: bytes.baseAddress?.assumingMemoryBound(to: UInt8.self))
            packet.pointee.size = Int32(bytes.count)
            packet.pointee.stream_index = index
            packet.pointee.dts = times.decode
            packet.pointee.pts = times.presentation
            packet.pointee.flags = isKeyFrame ? AV_PKT_FLAG_KEY : 0
            defer {
                packet.pointee.data = nil
                packet.pointee.size = 0
            }
            try check(av_write_frame(context, packet), "av_write_frame")
        }
    }

    package func take(endsSegment: Bool) throws -> ByteBuffer {
        if endsSegment {
            // Sound is gathered into larger packets: out with what is not full.
            do {
                try check(av_write_frame(context, nil), "av_write_frame")
            } catch {
                output.discard()
                throw error
            }
        }
        return try output.take()
    }
}
