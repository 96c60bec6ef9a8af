import CFFmpeg
package import Domain
package import NIOCore

/// Makes fMP4 muxers over libavformat; any thread.
package struct FFmpegMuxerFactory: FragmentMuxerFactory {
    package init() {}

    package func makeMuxer(for format: ProgrammeFormat, tracks: FragmentTracks) throws -> any FragmentMuxer {
        try FFmpegFragmentMuxer(format: format, tracks: tracks)
    }

    package func makeTransportStreamMuxer() throws -> any TransportStreamMuxer {
        try FFmpegTransportStreamMuxer(for: .segments)
    }
}

/// Writes programme units as fMP4 (ISO/IEC 14496-12) through libavformat's mov muxer, in memory.
///
/// Owned by one packager and used on its event loop; no call blocks, none touches a file. Whatever the formats, video is
/// track 1 at 90,000 and audio track 2 at 48,000 ticks a second, and `tfdt` is the programme's time, so that a player that
/// ignores a second init section still reads the right times (design §5, Formats). Of one track alone it is the same.
package final class FFmpegFragmentMuxer: FragmentMuxer {
    package static let videoTimescale: Int64 = 90_000
    package static let audioTimescale: Int64 = 48_000

    package let initializationSection: ByteBuffer
    private let output: FragmentOutput
    private let context: UnsafeMutablePointer<AVFormatContext>
    private let packet: UnsafeMutablePointer<AVPacket>
    /// Where each track stands in libavformat's list.
    private let streams: [TrackKind: Int32]
    private var isFragmentOpen = false
    /// Where each track's last unit ends by its own duration, in ticks.
    private var promisedEnd: [TrackKind: Int64] = [:]
    /// Tracks that have a unit in the open fragment.
    private var tracksInFragment: Set<TrackKind> = []

    /// - Throws: `MediaError` when libavformat refuses the format, for one a configuration record cut short.
    package init(format: ProgrammeFormat, tracks: FragmentTracks = .videoAndAudio) throws {
        guard !tracks.contains(.video) || format.video.configuration.count >= 7,
            !tracks.contains(.audio) || format.audio.configuration.count >= 2
        else {
            throw MediaError(.invalidRequest, "a codec configuration is too short")
        }
        let output = try FragmentOutput()
        var made: UnsafeMutablePointer<AVFormatContext>?
        try check(avformat_alloc_output_context2(&made, nil, "mp4", nil), "avformat_alloc_output_context2")
        let context = try allocated(made, "avformat_alloc_output_context2")
        do {
            context.pointee.pb = output.context
            // The muxer must take our payloads as they are: no bitstream filter of its own choice.
            context.pointee.flags = (context.pointee.flags | AVFMT_FLAG_CUSTOM_IO) & ~AVFMT_FLAG_AUTO_BSF
            context.pointee.avoid_negative_ts = 0
            var streams: [TrackKind: Int32] = [:]
            if tracks.contains(.video) {
                streams[.video] = Int32(streams.count)
                try Self.addVideo(format.video, to: context)
            }
            if tracks.contains(.audio) {
                streams[.audio] = Int32(streams.count)
                try Self.addAudio(format.audio, to: context)
            }
            self.streams = streams
            try Self.writeHeader(context)
            var section = try output.take()
            MP4Boxes.setAudioSampleRate(of: &section, to: format.audio.sampleRate)
            self.initializationSection = section
            self.packet = try allocated(av_packet_alloc(), "av_packet_alloc")
            self.output = output
            self.context = context
        } catch {
            avformat_free_context(context)
            throw error
        }
    }

    deinit {
        // No trailer: it would only flush what nobody reads any more. The muxer's own memory is freed with the context.
        var pointer: UnsafeMutablePointer<AVPacket>? = packet
        av_packet_free(&pointer)
        avformat_free_context(context)
    }

    /// Adds one unit to the open fragment.
    ///
    /// Its duration counts only for the last unit of a track in a fragment: before that, the next DTS decides. A fragment
    /// whose first DTS lies before the end so promised begins at that end: what was written cannot be shortened, and
    /// libavformat would throw both times away.
    /// - Throws: `MediaError` when the DTS does not rise, or is negative; the unit is lost, the muxer goes on.
    package func append(_ unit: ProgrammeUnit) throws {
        if !isFragmentOpen { try openFragment() }
        guard let index = streams[unit.track] else {
            throw MediaError(.invalidRequest, "a unit of a track that is not in this file")
        }
        let timescale = unit.track == .video ? Self.videoTimescale : Self.audioTimescale
        var decodeTicks = unit.decodeTime.ticks(timescale: timescale)
        let endTicks = (unit.decodeTime + unit.duration).ticks(timescale: timescale)
        guard decodeTicks >= 0 else { throw MediaError(.invalidRequest, "a unit lies before the programme's start") }
        guard unit.payload.readableBytes > 0, unit.byteCount <= Int(Int32.max) else {
            throw MediaError(.invalidRequest, "a unit is empty or beyond 2 GiB")
        }
        if !tracksInFragment.contains(unit.track) { decodeTicks = max(decodeTicks, promisedEnd[unit.track] ?? 0) }
        let duration = max(1, endTicks - decodeTicks)
        let presentationTicks = max(decodeTicks, unit.presentationTime.ticks(timescale: timescale))
        try write(
            unit.whole, to: index, at: (decodeTicks, presentationTicks), lasting: duration,
            isKeyFrame: unit.isKeyFrame || unit.track == .audio)
        promisedEnd[unit.track] = decodeTicks + duration
        tracksInFragment.insert(unit.track)
    }

    private func write(
        _ payload: ByteBuffer, to index: Int32, at times: (decode: Int64, presentation: Int64), lasting duration: Int64,
        isKeyFrame: Bool
    ) throws {
        let packet = self.packet
        let context = self.context
        try payload.withUnsafeReadableBytes { bytes in
            // Not reference-counted: the mov muxer copies the payload during the call and keeps no pointer.
            packet.pointee.data = UnsafeMutablePointer(
                mutating: bytes.baseAddress?.assumingMemoryBound(to: UInt8.self))
            packet.pointee.size = Int32(bytes.count)
            packet.pointee.stream_index = index
            packet.pointee.dts = times.decode
            packet.pointee.pts = times.presentation
            packet.pointee.duration = duration
            packet.pointee.flags = isKeyFrame ? AV_PKT_FLAG_KEY : 0
            defer {
                packet.pointee.data = nil
                packet.pointee.size = 0
            }
            try check(av_write_frame(context, packet), "av_write_frame")
        }
    }

    package func flush() throws -> ByteBuffer {
        guard isFragmentOpen else { return ByteBuffer() }
        isFragmentOpen = false
        tracksInFragment = []
        do {
            try check(av_write_frame(context, nil), "av_write_frame")
        } catch {
            output.discard()
            throw error
        }
        return try output.take()
    }

    /// The muxer would otherwise begin a fragment where the durations of the last one end, whatever the DTS says, and hide a
    /// gap. This flag makes it believe the DTS; it is cleared by its first use, so it is set before each fragment.
    private func openFragment() throws(MediaError) {
        try check(av_opt_set(context.pointee.priv_data, "movflags", "+frag_discont", 0), "av_opt_set")
        isFragmentOpen = true
    }
}

extension FFmpegFragmentMuxer {
    private static func addVideo(_ format: VideoFormat, to context: UnsafeMutablePointer<AVFormatContext>) throws {
        let stream = try allocated(avformat_new_stream(context, nil), "avformat_new_stream")
        stream.pointee.id = 1
        stream.pointee.time_base = AVRational(num: 1, den: Int32(videoTimescale))
        let parameters = try allocated(stream.pointee.codecpar, "avformat_new_stream")
        parameters.pointee.codec_type = AVMEDIA_TYPE_VIDEO
        (parameters.pointee.codec_id, parameters.pointee.codec_tag) = try sampleEntry(format.codec)
        parameters.pointee.width = Int32(clamping: format.width)
        parameters.pointee.height = Int32(clamping: format.height)
        parameters.pointee.profile = Int32(format.profile)
        parameters.pointee.level = Int32(format.level)
        try setExtradata(format.configuration, of: parameters)
    }

    /// With parameter sets in band `avc3` and `hev1` would be the names to the letter (ISO/IEC 14496-15 §5.4.2, §8.4.1), but Apple's
    /// players take `avc1` and `hvc1` only, and every player that knows the others reads sets in band under these as well.
    private static func sampleEntry(_ codec: VideoFormat.Codec) throws(MediaError) -> (AVCodecID, UInt32) {
        switch codec {
        case .h264: (AV_CODEC_ID_H264, fourCC("avc1"))
        case .hevc: (AV_CODEC_ID_HEVC, fourCC("hvc1"))
        // Not in any channel's envelope.
        case .av1, .vp9: throw MediaError(.invalidRequest, "\(codec.name) is not packaged")
        }
    }

    /// As libavformat has them: the first character lowest.
    private static func fourCC(_ name: StaticString) -> UInt32 {
        name.withUTF8Buffer { $0.prefix(4).reversed().reduce(0) { $0 << 8 | UInt32($1) } }
    }

    /// The mov muxer takes the audio track's timescale from the sample rate, so it is told 48,000 for every rate; the true one
    /// is in the AudioSpecificConfig, which decoders obey, and is put into the sample entry afterwards.
    private static func addAudio(_ format: AudioFormat, to context: UnsafeMutablePointer<AVFormatContext>) throws {
        let stream = try allocated(avformat_new_stream(context, nil), "avformat_new_stream")
        stream.pointee.id = 2
        stream.pointee.time_base = AVRational(num: 1, den: Int32(audioTimescale))
        let parameters = try allocated(stream.pointee.codecpar, "avformat_new_stream")
        parameters.pointee.codec_type = AVMEDIA_TYPE_AUDIO
        guard format.codec == .aac else { throw MediaError(.invalidRequest, "\(format.codec.name) is not packaged") }
        parameters.pointee.codec_id = AV_CODEC_ID_AAC
        parameters.pointee.sample_rate = Int32(audioTimescale)
        parameters.pointee.frame_size = Int32(clamping: format.samplesPerFrame)
        av_channel_layout_default(&parameters.pointee.ch_layout, Int32(clamping: format.channels))
        try setExtradata(format.configuration, of: parameters)
    }

    private static func setExtradata(
        _ bytes: [UInt8], of parameters: UnsafeMutablePointer<AVCodecParameters>
    ) throws(MediaError) {
        let memory = try allocated(av_mallocz(bytes.count + Int(AV_INPUT_BUFFER_PADDING_SIZE)), "av_mallocz")
        memory.copyMemory(from: bytes, byteCount: bytes.count)
        parameters.pointee.extradata = memory.assumingMemoryBound(to: UInt8.self)
        parameters.pointee.extradata_size = Int32(bytes.count)
    }

    private static func writeHeader(_ context: UnsafeMutablePointer<AVFormatContext>) throws(MediaError) {
        var options: OpaquePointer?
        defer { av_dict_free(&options) }
        let wanted = [
            ("movflags", "+frag_custom+empty_moov+default_base_moof+frag_discont"), ("use_editlist", "0"),
            ("video_track_timescale", String(videoTimescale)),
        ]
        for (name, value) in wanted { try check(av_dict_set(&options, name, value, 0), "av_dict_set") }
        try check(avformat_write_header(context, &options), "avformat_write_header")
        guard av_dict_count(options) == 0 else {
            throw MediaError(.missingComponent, "libavformat's mp4 muxer does not know an option we need")
        }
        for index in 0..<Int(context.pointee.nb_streams) {
            guard let stream = context.pointee.streams[index], let parameters = stream.pointee.codecpar,
                Int64(stream.pointee.time_base.den)
                    == (parameters.pointee.codec_type == AVMEDIA_TYPE_VIDEO ? videoTimescale : audioTimescale)
            else {
                throw MediaError(.missingComponent, "libavformat's mp4 muxer chose another timescale")
            }
        }
    }
}
