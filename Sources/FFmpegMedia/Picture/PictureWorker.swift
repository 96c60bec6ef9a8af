import CFFmpeg
import Foundation

/// The work of the child process that makes an account's picture (`lineup worker picture`): a PNG, JPEG or WebP file on standard
/// input, a square JPEG on standard output. Strangers send these bytes, so nothing decodes them in the server.
package enum PictureWorker {
    /// Bytes on standard input; more is no picture.
    package static let maximumInputBytes = 4 * 1024 * 1024
    /// Of the picture that comes out, in both directions.
    package static let side = 512
    /// Of the picture that comes in: 30 million are 120 MB decoded.
    private static let maximumPixels: Int64 = 30_000_000
    private static let secondsOfCPU: UInt = 10
    private static let maximumMemoryBytes: UInt = 1024 * 1024 * 1024
    /// How a picture that is none ends the child, so that the server can tell it from a child that broke.
    package static let notAPictureStatus: Int32 = 3

    /// Runs as the whole work of this process, within limits that hold whatever the bytes do.
    package static func runAsChild() throws {
        _ = nice(10)
        alarm(UInt32(secondsOfCPU) * 2)
        limit(__rlimit_resource_t(RLIMIT_CPU.rawValue), secondsOfCPU)
        limit(__rlimit_resource_t(RLIMIT_AS.rawValue), maximumMemoryBytes)
        av_log_set_level(AV_LOG_FATAL)
        let bytes = try FileHandle.standardInput.read(upToCount: maximumInputBytes + 1) ?? Data()
        do {
            try FileHandle.standardOutput.write(contentsOf: Data(try make(Array(bytes))))
        } catch let error as MediaError {
            FileHandle.standardError.write(Data("\(error)\n".utf8))
            exit(notAPictureStatus)
        }
    }

    private static func limit(_ resource: __rlimit_resource_t, _ value: UInt) {
        var limit = rlimit(rlim_cur: value, rlim_max: value)
        setrlimit(resource, &limit)
    }

    /// The middle square of the picture, upright, at most `side` pixels, as JPEG.
    /// - Throws: `MediaError` for what is no picture of these kinds.
    static func make(_ bytes: [UInt8]) throws(MediaError) -> [UInt8] {
        guard bytes.count <= maximumInputBytes, let name = decoderName(for: bytes) else {
            throw MediaError(.invalidRequest, "not a PNG, JPEG or WebP file")
        }
        let decoder = try PictureDecoder(name, maximumPixels: maximumPixels)
        try decoder.decode(bytes)
        let graph = try FilterGraph(decoder.frame, through: steps(for: decoder.frame))
        return try JPEG.encode(graph.picture(), quality: 3)
    }

    /// Upright, the middle square, scaled down.
    private static func steps(for frame: UnsafeMutablePointer<AVFrame>) -> [FilterGraph.Step] {
        let edge = min(Int(frame.pointee.width), Int(frame.pointee.height))
        // An even edge, since colour is kept for every second pixel.
        let target = max(2, min(edge, side) & ~1)
        return transpositions(of: frame) + [
            ("crop", [("w", "\(edge)"), ("h", "\(edge)"), ("exact", "1")]),
            ("scale", [("w", "\(target)"), ("h", "\(target)"), ("flags", "area"), ("out_range", "full")]),
            ("format", [("pix_fmts", "yuvj420p")]),
        ]
    }

    /// By the first bytes, whatever the sender calls it.
    private static func decoderName(for bytes: [UInt8]) -> String? {
        if bytes.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) { return "png" }
        if bytes.starts(with: [0xFF, 0xD8, 0xFF]) { return "mjpeg" }
        if bytes.count > 16, bytes.starts(with: Array("RIFF".utf8)), Array(bytes[8..<12]) == Array("WEBP".utf8) {
            return "webp"
        }
        return nil
    }

    /// What a camera noted of how it was held (Exif 2.3, tag 0x0112).
    private static func transpositions(of frame: UnsafeMutablePointer<AVFrame>) -> [FilterGraph.Step] {
        guard let entry = av_dict_get(frame.pointee.metadata, "Orientation", nil, 0),
            let value = entry.pointee.value, let number = Int(String(cString: value).filter(\.isNumber))
        else { return [] }
        switch number {
        case 2: return [("hflip", [])]
        case 3: return [("hflip", []), ("vflip", [])]
        case 4: return [("vflip", [])]
        case 5: return [("transpose", [("dir", "cclock_flip")])]
        case 6: return [("transpose", [("dir", "clock")])]
        case 7: return [("transpose", [("dir", "clock_flip")])]
        case 8: return [("transpose", [("dir", "cclock")])]
        default: return []
        }
    }
}

/// Decodes one picture that is in memory. Owned by the worker.
private final class PictureDecoder {
    private var context: UnsafeMutablePointer<AVCodecContext>
    let frame: UnsafeMutablePointer<AVFrame>

    init(_ name: String, maximumPixels: Int64) throws(MediaError) {
        guard let codec = avcodec_find_decoder_by_name(name) else {
            throw MediaError(.missingComponent, "libavcodec has no decoder \(name)")
        }
        context = try allocated(avcodec_alloc_context3(codec), "avcodec_alloc_context3")
        frame = try allocated(av_frame_alloc(), "av_frame_alloc")
        context.pointee.thread_count = 1
        context.pointee.max_pixels = maximumPixels
        try check(avcodec_open2(context, codec, nil), "avcodec_open2")
    }

    func decode(_ bytes: [UInt8]) throws(MediaError) {
        let packet = try allocated(av_packet_alloc(), "av_packet_alloc")
        defer {
            var packet: UnsafeMutablePointer<AVPacket>? = packet
            av_packet_free(&packet)
        }
        // Padded with zeros, as decoders that read ahead need it.
        try check(av_new_packet(packet, Int32(bytes.count)), "av_new_packet")
        bytes.withUnsafeBufferPointer { source in
            guard let base = source.baseAddress else { return }
            packet.pointee.data.update(from: base, count: bytes.count)
        }
        try check(avcodec_send_packet(context, packet), "avcodec_send_packet")
        // The first picture of an animation will do.
        _ = avcodec_send_packet(context, nil)
        try check(avcodec_receive_frame(context, frame), "avcodec_receive_frame")
    }

    deinit {
        var frame: UnsafeMutablePointer<AVFrame>? = frame
        av_frame_free(&frame)
        var context: UnsafeMutablePointer<AVCodecContext>? = context
        avcodec_free_context(&context)
    }
}
