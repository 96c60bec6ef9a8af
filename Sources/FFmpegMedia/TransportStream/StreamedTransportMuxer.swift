import CFFmpeg
import Domain
import NIOCore

/// Writes programme units as one endless MPEG transport stream (ISO/IEC 13818-1) through libavformat's mpegts muxer, in memory.
///
/// H.264 goes in as a byte stream with its parameter sets in band, AAC as ADTS: both say themselves what they are, so one muxer
/// serves every format and its counters go on through hand-overs. Each unit is written out whole at once, in whole packets of 188
/// bytes; program tables stand before each key frame. Used on one thread at a time; never blocks.
final class StreamedTransportMuxer {
    /// How far presentation lies behind the stream's clock, in microseconds: what a receiver may buffer before the first picture.
    private static let decoderDelay: Int32 = 100_000
    private static let timescale: Int64 = 90_000
    private static let startCode: UInt32 = 1

    private let output: FragmentOutput
    private let context: UnsafeMutablePointer<AVFormatContext>
    private let packet: UnsafeMutablePointer<AVPacket>
    /// Each unit as the muxer wants it; kept for its memory.
    private var scratch = ByteBuffer()
    private var header: (format: AudioFormat, adts: ADTSHeader?)?

    /// - Throws: `MediaError` when libavformat lacks the muxer or an option of it.
    init() throws {
        let output = try FragmentOutput()
        var made: UnsafeMutablePointer<AVFormatContext>?
        try check(avformat_alloc_output_context2(&made, nil, "mpegts", nil), "avformat_alloc_output_context2")
        let context = try allocated(made, "avformat_alloc_output_context2")
        do {
            context.pointee.pb = output.context
            context.pointee.flags = (context.pointee.flags | AVFMT_FLAG_CUSTOM_IO) & ~AVFMT_FLAG_AUTO_BSF
            context.pointee.avoid_negative_ts = 0
            context.pointee.max_delay = Self.decoderDelay
            for (type, codec) in [(AVMEDIA_TYPE_VIDEO, AV_CODEC_ID_H264), (AVMEDIA_TYPE_AUDIO, AV_CODEC_ID_AAC)] {
                let stream = try allocated(avformat_new_stream(context, nil), "avformat_new_stream")
                let parameters = try allocated(stream.pointee.codecpar, "avformat_new_stream")
                // No extradata: with it the muxer would wrap and prepend by itself, always in the first format.
                parameters.pointee.codec_type = type
                parameters.pointee.codec_id = codec
                // Asked for by libavformat and written nowhere.
                if type == AVMEDIA_TYPE_VIDEO {
                    parameters.pointee.width = 1280
                    parameters.pointee.height = 720
                } else {
                    parameters.pointee.sample_rate = 48_000
                    av_channel_layout_default(&parameters.pointee.ch_layout, 2)
                }
            }
            try Self.writeHeader(context)
            // What came is repeated before the first key frame.
            output.discard()
            self.packet = try allocated(av_packet_alloc(), "av_packet_alloc")
            self.output = output
            self.context = context
        } catch {
            avformat_free_context(context)
            throw error
        }
    }

    deinit {
        var pointer: UnsafeMutablePointer<AVPacket>? = packet
        av_packet_free(&pointer)
        avformat_free_context(context)
    }

    /// The packets of one unit, in the format that holds for it.
    ///
    /// - Throws: `MediaError` when the DTS does not rise, the unit is empty or broken, or its sound does not fit ADTS; the unit is
    ///   lost, the muxer goes on.
    func packets(_ unit: ProgrammeUnit, format: ProgrammeFormat) throws -> ByteBuffer {
        scratch.clear()
        switch unit.track {
        case .video: try fillPicture(unit.payload)
        case .audio: try fillSound(unit.payload, format.audio)
        }
        let (context, packet) = (context, packet)
        try scratch.withUnsafeReadableBytes { bytes in
            // Not reference-counted: the muxer writes the payload during the call and keeps no pointer.
            packet.pointee.data = UnsafeMutablePointer(
                mutating: bytes.baseAddress?.assumingMemoryBound(to: UInt8.self))
            packet.pointee.size = Int32(clamping: bytes.count)
            packet.pointee.stream_index = unit.track == .video ? 0 : 1
            packet.pointee.dts = unit.decodeTime.ticks(timescale: Self.timescale)
            packet.pointee.pts = max(unit.decodeTime, unit.presentationTime).ticks(timescale: Self.timescale)
            packet.pointee.duration = unit.duration.ticks(timescale: Self.timescale)
            packet.pointee.flags = unit.isKeyFrame || unit.track == .audio ? AV_PKT_FLAG_KEY : 0
            defer {
                packet.pointee.data = nil
                packet.pointee.size = 0
            }
            do {
                try check(av_write_frame(context, packet), "av_write_frame")
            } catch {
                output.discard()
                throw error
            }
        }
        return try output.take()
    }

    /// NAL units behind start codes (ITU-T H.264 Annex B) in place of lengths.
    private func fillPicture(_ payload: ByteBuffer) throws(MediaError) {
        var units = NALUnits(payload)
        while let unit = units.next() {
            scratch.writeInteger(Self.startCode)
            if let bytes = payload.getSlice(at: unit.range.lowerBound, length: unit.range.count) {
                scratch.writeImmutableBuffer(bytes)
            }
        }
        guard !units.isBroken, scratch.readableBytes > 4 else {
            throw MediaError(.invalidRequest, "a picture's NAL units do not fill it")
        }
    }

    private func fillSound(_ payload: ByteBuffer, _ format: AudioFormat) throws(MediaError) {
        if header?.format != format { header = (format, ADTSHeader(format)) }
        guard let adts = header?.adts, payload.readableBytes > 0,
            adts.write(payloadBytes: payload.readableBytes, into: &scratch)
        else { throw MediaError(.invalidRequest, "a frame of sound does not fit ADTS") }
        scratch.writeImmutableBuffer(payload)
    }

    private static func writeHeader(_ context: UnsafeMutablePointer<AVFormatContext>) throws {
        try check(av_dict_set(&context.pointee.metadata, "service_provider", "Lineup", 0), "av_dict_set")
        try check(av_dict_set(&context.pointee.metadata, "service_name", "Lineup", 0), "av_dict_set")
        var options: OpaquePointer?
        defer { av_dict_free(&options) }
        // Each frame of sound in a PES packet of its own: gathering them would add 100 ms and more.
        try check(av_dict_set(&options, "pes_payload_size", "0", 0), "av_dict_set")
        try check(avformat_write_header(context, &options), "avformat_write_header")
        guard av_dict_count(options) == 0 else {
            throw MediaError(.missingComponent, "libavformat's mpegts muxer does not know an option we need")
        }
    }
}
