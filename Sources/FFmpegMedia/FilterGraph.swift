import CFFmpeg

/// One picture through a chain of libavfilter's filters. Owned by a worker's process, used on one thread.
final class FilterGraph {
    /// A filter and its options.
    typealias Step = (name: String, options: [(String, String)])

    private let graph: UnsafeMutablePointer<AVFilterGraph>
    private let frame: UnsafeMutablePointer<AVFrame>
    private let sink: UnsafeMutablePointer<AVFilterContext>

    init(_ source: UnsafeMutablePointer<AVFrame>, through steps: [Step]) throws(MediaError) {
        let graph = try allocated(avfilter_graph_alloc(), "avfilter_graph_alloc")
        self.graph = graph
        frame = try allocated(av_frame_alloc(), "av_frame_alloc")
        graph.pointee.nb_threads = 1
        let buffer = try Self.add(
            "buffer",
            [
                ("video_size", "\(source.pointee.width)x\(source.pointee.height)"),
                ("pix_fmt", "\(source.pointee.format)"), ("time_base", "1/1"), ("pixel_aspect", "1/1"),
            ], to: graph, after: nil)
        var last = buffer
        for step in steps { last = try Self.add(step.name, step.options, to: graph, after: last) }
        sink = try Self.add("buffersink", [], to: graph, after: last)
        try check(avfilter_graph_config(graph, nil), "avfilter_graph_config")
        try check(av_buffersrc_write_frame(buffer, source), "av_buffersrc_write_frame")
        try check(av_buffersrc_close(buffer, 1, 0), "av_buffersrc_close")
    }

    /// Valid while the graph lives.
    func picture() throws(MediaError) -> UnsafeMutablePointer<AVFrame> {
        try check(av_buffersink_get_frame(sink, frame), "av_buffersink_get_frame")
        return frame
    }

    private static func add(
        _ name: String, _ options: [(String, String)], to graph: UnsafeMutablePointer<AVFilterGraph>,
        after previous: UnsafeMutablePointer<AVFilterContext>?
    ) throws(MediaError) -> UnsafeMutablePointer<AVFilterContext> {
        guard let filter = avfilter_get_by_name(name) else {
            throw MediaError(.missingComponent, "libavfilter has no filter \(name)")
        }
        let context = try allocated(avfilter_graph_alloc_filter(graph, filter, nil), "avfilter_graph_alloc_filter")
        for (key, value) in options {
            try check(av_opt_set(context, key, value, AV_OPT_SEARCH_CHILDREN), "av_opt_set")
        }
        try check(avfilter_init_str(context, nil), "avfilter_init_str")
        if let previous { try check(avfilter_link(previous, 0, context, 0), "avfilter_link") }
        return context
    }

    deinit {
        var frame: UnsafeMutablePointer<AVFrame>? = frame
        av_frame_free(&frame)
        var graph: UnsafeMutablePointer<AVFilterGraph>? = graph
        avfilter_graph_free(&graph)
    }
}

/// A picture as JPEG (`yuvj420p` in).
enum JPEG {
    /// - Parameter quality: the quantiser's scale, 2 (best)…31.
    static func encode(_ picture: UnsafeMutablePointer<AVFrame>, quality: Int) throws(MediaError) -> [UInt8] {
        let encoder = try Encoder("mjpeg", options: [("qmin", "\(quality)"), ("qmax", "\(quality)")]) { context in
            context.pointee.width = picture.pointee.width
            context.pointee.height = picture.pointee.height
            context.pointee.pix_fmt = AV_PIX_FMT_YUVJ420P
            context.pointee.color_range = AVCOL_RANGE_JPEG
            context.pointee.time_base = AVRational(num: 1, den: 1)
        }
        picture.pointee.pts = 0
        // Only a key frame stands alone, and the encoder goes by what the decoder said.
        picture.pointee.pict_type = AV_PICTURE_TYPE_NONE
        let outputs = try encoder.encode(picture) + encoder.encode(nil)
        guard let first = outputs.first else { throw MediaError(.missingComponent, "the JPEG encoder gave nothing") }
        return first.bytes
    }
}
