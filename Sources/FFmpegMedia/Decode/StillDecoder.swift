import CFFmpeg
import Domain
import NIOCore

/// Makes a JPEG of one key frame, in the worker.
enum StillDecoder {
    /// Of the JPEG, in both directions; a smaller picture is not made larger.
    static let maximumSide = 480
    /// Of the key frame: 4,096 × 4,096.
    private static let maximumPixels: Int64 = 16_777_216
    /// The quantiser's scale: 20 to 40 KB for an ordinary picture.
    private static let quality = 5

    static func make(
        _ codec: VideoFormat.Codec, configuration: [UInt8], picture: ByteBuffer
    ) throws(MediaError) -> [UInt8] {
        let decoder = try KeyFrameDecoder(codec, configuration: configuration, maximumPixels: maximumPixels)
        try decoder.decode(picture)
        let frame = decoder.frame
        let graph = try FilterGraph(frame, through: steps(Int(frame.pointee.width), Int(frame.pointee.height)))
        return try JPEG.encode(graph.picture(), quality: quality)
    }

    private static func steps(_ width: Int, _ height: Int) -> [FilterGraph.Step] {
        let longest = max(width, height, 1)
        let side = min(longest, maximumSide)
        // Even, since colour is kept for every second pixel.
        func scaled(_ length: Int) -> Int { max(2, length * side / longest & ~1) }
        return [
            (
                "scale",
                [
                    ("w", "\(scaled(width))"), ("h", "\(scaled(height))"), ("flags", "area"), ("out_range", "full"),
                    ("out_color_matrix", "bt601"),
                ]
            ),
            ("format", [("pix_fmts", "yuvj420p")]),
        ]
    }
}

/// A decoder for one picture that stands alone.
private final class KeyFrameDecoder {
    private var context: UnsafeMutablePointer<AVCodecContext>
    let frame: UnsafeMutablePointer<AVFrame>

    init(_ codec: VideoFormat.Codec, configuration: [UInt8], maximumPixels: Int64) throws(MediaError) {
        let identifier: AVCodecID =
            switch codec {
            case .h264: AV_CODEC_ID_H264
            case .hevc: AV_CODEC_ID_HEVC
            case .av1: AV_CODEC_ID_AV1
            case .vp9: AV_CODEC_ID_VP9
            }
        guard let decoder = avcodec_find_decoder(identifier) else {
            throw MediaError(.missingComponent, "libavcodec has no decoder for \(codec.name)")
        }
        context = try allocated(avcodec_alloc_context3(decoder), "avcodec_alloc_context3")
        frame = try allocated(av_frame_alloc(), "av_frame_alloc")
        context.pointee.thread_count = 1
        context.pointee.max_pixels = maximumPixels
        // VP9 decodes from its frames alone, and knows no record.
        if codec != .vp9 { try setConfiguration(configuration, of: context) }
        try check(avcodec_open2(context, decoder, nil), "avcodec_open2")
    }

    deinit {
        var frame: UnsafeMutablePointer<AVFrame>? = frame
        av_frame_free(&frame)
        var context: UnsafeMutablePointer<AVCodecContext>? = context
        avcodec_free_context(&context)
    }

    func decode(_ bytes: ByteBuffer) throws(MediaError) {
        try withPacket(holding: bytes) { packet throws(MediaError) in
            packet.pointee.flags |= AV_PKT_FLAG_KEY
            try check(avcodec_send_packet(context, packet), "avcodec_send_packet")
        }
        // Nothing follows: a picture that is reordered comes out all the same.
        _ = avcodec_send_packet(context, nil)
        try check(avcodec_receive_frame(context, frame), "avcodec_receive_frame")
    }
}
