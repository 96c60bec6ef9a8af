import CFFmpeg
package import Domain
package import Foundation

/// The work of the child process that encodes a slate (`lineup worker slate …`): libavfilter draws, libx264 or libx265 and the AAC
/// encoder encode, `SlateWire` goes to standard output.
package enum SlateWorker {
    /// The text on standard input may have this many bytes; the rest is not read.
    package static let maximumTextBytes = 4096
    /// The child ends itself after this many seconds, whatever its parent does.
    private static let ownTimeLimitSeconds: UInt32 = 30

    /// The command line that makes this request of `lineup`; the text goes to standard input.
    package static func arguments(for request: SlateRequest) -> [String] {
        [
            "worker", "slate", "--codec", request.codec.rawValue, "--width", "\(request.width)", "--height",
            "\(request.height)", "--frame-rate",
            "\(request.frameRate)", "--sample-rate", "\(request.sampleRate)", "--channels", "\(request.channels)",
        ] + (request.file.map { ["--file", $0] } ?? [])
    }

    /// Runs as the whole work of this process: reads the text from standard input, writes to standard output. `request.text`
    /// is not used. Other processes of the machine come first, and a time limit of its own holds even if nobody reads.
    package static func runAsChild(_ request: SlateRequest) throws {
        _ = nice(10)
        alarm(ownTimeLimitSeconds)
        let bytes = try FileHandle.standardInput.read(upToCount: maximumTextBytes) ?? Data()
        var request = request
        request.text = String(decoding: bytes, as: UTF8.self)
        try run(request, to: .standardOutput)
    }

    /// Makes the slate and writes it as `SlateWire`.
    /// - Throws: `MediaError` for a request that cannot be met, a libav failure, or a parent that is gone.
    package static func run(_ request: SlateRequest, to output: FileHandle) throws {
        try request.validate()
        av_log_set_level(AV_LOG_ERROR)
        let parent = getppid()
        try output.write(contentsOf: Data(SlateWire.magic))
        let audio = try silence(request)
        try output.write(contentsOf: Data(SlateWire.record(.audioConfiguration, audio.configuration)))
        try output.write(contentsOf: Data(SlateWire.record(.silence, audio.frame)))
        let pictures = try SlatePictures(request)
        let encoder = try videoEncoder(request)
        let record = try record(request.codec, from: encoder.extradata)
        try output.write(contentsOf: Data(SlateWire.record(.videoConfiguration, record)))
        var written = 0
        func write(_ outputs: [Encoder.Output]) throws {
            for picture in outputs {
                guard picture.isKeyFrame == (written == 0) else {
                    throw MediaError(.missingComponent, "the video encoder placed key frames of its own")
                }
                let kind: SlateWire.Kind = picture.isKeyFrame ? .keyPicture : .picture
                let units = lengthPrefixed(picture.bytes, request.codec)
                try output.write(contentsOf: Data(SlateWire.record(kind, units)))
                written += 1
            }
        }
        var index = 0
        // A still, and a clip that is shorter than the loop, stay on their last picture.
        var hasMore = true
        while index < request.maximumPictureCount, hasMore || index < request.pictureCount {
            guard getppid() == parent else { throw MediaError(.workerFailed, "the server is gone") }
            if hasMore { hasMore = try pictures.next() }
            guard index > 0 || hasMore else { throw MediaError(.invalidRequest, "the slate's file has no picture") }
            guard hasMore || index < request.pictureCount else { break }
            pictures.frame.pointee.pts = Int64(index)
            pictures.frame.pointee.pict_type = index == 0 ? AV_PICTURE_TYPE_I : AV_PICTURE_TYPE_NONE
            try write(encoder.encode(pictures.frame))
            index += 1
        }
        try write(encoder.encode(nil))
        guard written == index else { throw MediaError(.missingComponent, "the video encoder lost pictures") }
        let count = withUnsafeBytes(of: UInt32(written).bigEndian) { Array($0) }
        try output.write(contentsOf: Data(SlateWire.record(.end, count)))
    }
}

extension SlateWorker {
    /// One closed GOP without reordering, whose only key frame is the first.
    private static func videoEncoder(_ request: SlateRequest) throws(MediaError) -> Encoder {
        let size = request.codedSize
        let name = encoderName(of: request.codec)
        return try Encoder(name, options: options(request)) { context in
            context.pointee.width = Int32(size.width)
            context.pointee.height = Int32(size.height)
            context.pointee.pix_fmt = AV_PIX_FMT_YUV420P
            context.pointee.time_base = AVRational(num: 1, den: Int32(request.frameRate))
            context.pointee.framerate = AVRational(num: Int32(request.frameRate), den: 1)
            context.pointee.sample_aspect_ratio = AVRational(num: 1, den: 1)
            context.pointee.gop_size = Int32(request.maximumPictureCount)
            context.pointee.keyint_min = Int32(request.maximumPictureCount)
            context.pointee.max_b_frames = 0
            // A clip of noise must neither break the channel's envelope nor the limits of `SlateWire`.
            context.pointee.rc_max_rate = 6_000_000
            context.pointee.rc_buffer_size = 6_000_000
        }
    }

    static func encoderName(of codec: VideoFormat.Codec) -> String { codec == .hevc ? "libx265" : "libx264" }

    private static func options(_ request: SlateRequest) -> [(String, String)] {
        let group = "scenecut=0:open-gop=0:repeat-headers=0:keyint=\(request.maximumPictureCount):bframes=0"
        guard request.codec == .hevc else {
            return [
                ("preset", "veryfast"), ("profile", "high"), ("crf", "22"), ("forced-idr", "1"), ("x264-params", group),
            ] + (request.file == nil ? [("tune", "stillimage")] : [])
        }
        // One thread, as libx264 has here; without its word on itself, which would stand in the parameter sets.
        let quiet = "info=0:log-level=none:pools=none:frame-threads=1:min-keyint=\(request.maximumPictureCount)"
        return [
            ("preset", "ultrafast"), ("profile", "main"), ("crf", "24"), ("forced-idr", "1"),
            ("x265-params", group + ":" + quiet),
        ]
    }

    /// One frame of silence from the middle of a run of them: past the encoder's priming every frame is the same.
    private static func silence(_ request: SlateRequest) throws(MediaError) -> (configuration: [UInt8], frame: [UInt8])
    {
        let encoder = try Encoder("aac", options: []) { context in
            context.pointee.sample_fmt = AV_SAMPLE_FMT_FLTP
            context.pointee.sample_rate = Int32(request.sampleRate)
            context.pointee.bit_rate = 64_000 * Int64(request.channels)
            context.pointee.profile = FF_PROFILE_AAC_LOW
            av_channel_layout_default(&context.pointee.ch_layout, Int32(request.channels))
        }
        var frame: UnsafeMutablePointer<AVFrame>? = try allocated(av_frame_alloc(), "av_frame_alloc")
        defer { av_frame_free(&frame) }
        guard let samples = frame else {
            throw MediaError(.libav(lineup_averror_enomem), "av_frame_alloc: out of memory")
        }
        samples.pointee.format = AV_SAMPLE_FMT_FLTP.rawValue
        samples.pointee.nb_samples = encoder.context.pointee.frame_size
        samples.pointee.sample_rate = Int32(request.sampleRate)
        av_channel_layout_default(&samples.pointee.ch_layout, Int32(request.channels))
        try check(av_frame_get_buffer(samples, 0), "av_frame_get_buffer")
        try check(
            av_samples_set_silence(
                samples.pointee.extended_data, 0, samples.pointee.nb_samples, Int32(request.channels),
                AV_SAMPLE_FMT_FLTP),
            "av_samples_set_silence")
        var frames: [[UInt8]] = []
        for index in 0..<8 {
            samples.pointee.pts = Int64(index) * Int64(samples.pointee.nb_samples)
            frames += try encoder.encode(samples).map(\.bytes)
        }
        frames += try encoder.encode(nil).map(\.bytes)
        guard frames.count > 5 else { throw MediaError(.missingComponent, "the AAC encoder lost frames") }
        return (encoder.extradata, frames[5])
    }

    /// `avcC` or `hvcC`.
    private static func record(_ codec: VideoFormat.Codec, from extradata: [UInt8]) throws(MediaError) -> [UInt8] {
        let units = AnnexB.split(extradata)
        if codec == .hevc {
            do throws(CodecError) {
                return try HEVCConfiguration.record(of: units.map(Array.init))
            } catch {
                throw MediaError(.missingComponent, "libx265's parameter sets: \(error)")
            }
        }
        let record = AVCRecord(
            sequenceSets: units.filter { ($0.first ?? 0) & 0x1F == 7 }.map(Array.init),
            pictureSets: units.filter { ($0.first ?? 0) & 0x1F == 8 }.map(Array.init))
        guard let record else { throw MediaError(.missingComponent, "libx264 gave no parameter sets") }
        return record.bytes
    }

    /// NAL units behind 4-byte lengths instead of start codes, without the encoder's note on itself (SEI).
    private static func lengthPrefixed(_ bytes: [UInt8], _ codec: VideoFormat.Codec) -> [UInt8] {
        AnnexB.split(bytes).filter { !isNote($0.first ?? 0, codec) }.flatMap { unit in
            (0..<4).map { UInt8(truncatingIfNeeded: unit.count >> (24 - $0 * 8)) } + unit
        }
    }

    private static func isNote(_ header: UInt8, _ codec: VideoFormat.Codec) -> Bool {
        // SEI: 6 of H.264; 39 and 40 of HEVC.
        codec == .hevc ? (39...40).contains(header >> 1 & 0x3F) : header & 0x1F == 6
    }
}
