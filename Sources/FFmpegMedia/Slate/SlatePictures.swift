import CFFmpeg
import Domain
import Foundation

/// Gives a slate's pictures, with libavfilter: one that it draws (a dark ground, a line of colour, the text in the middle), or
/// those of an image or clip, fitted into the frame.
///
/// Owned by the slate worker, used on its main thread. Text and path go to the filters as options' values, never through a
/// filter description, so nothing in them has a meaning there.
final class SlatePictures {
    private static let fonts = [
        "/usr/share/fonts/truetype/dejavu/DejaVuSans-Bold.ttf", "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
        "/usr/share/fonts/dejavu/DejaVuSans-Bold.ttf", "/usr/share/fonts/TTF/DejaVuSans-Bold.ttf",
    ]

    private static var font: String? { fonts.first { FileManager.default.isReadableFile(atPath: $0) } }

    /// Whether slates can have text, as far as the font goes.
    static var hasFont: Bool { font != nil }

    private let graph: UnsafeMutablePointer<AVFilterGraph>
    /// The picture that `next()` gave last; it stays when there are no more.
    let frame: UnsafeMutablePointer<AVFrame>
    private let incoming: UnsafeMutablePointer<AVFrame>
    private var sink: UnsafeMutablePointer<AVFilterContext>?

    /// - Throws: `MediaError` when libavfilter fails, for one at a file that is no image or clip. Without a font, or without
    ///   `drawtext`, the drawn picture has no text.
    init(_ request: SlateRequest) throws(MediaError) {
        self.graph = try allocated(avfilter_graph_alloc(), "avfilter_graph_alloc")
        self.frame = try allocated(av_frame_alloc(), "av_frame_alloc")
        self.incoming = try allocated(av_frame_alloc(), "av_frame_alloc")
        graph.pointee.nb_threads = 1
        var last: UnsafeMutablePointer<AVFilterContext>
        if let path = request.file { last = try load(path, request) } else { last = try draw(request) }
        last = try add("format", [("pix_fmts", "yuv420p")], after: last)
        sink = try add("buffersink", [], after: last)
        try check(avfilter_graph_config(graph, nil), "avfilter_graph_config")
    }

    /// - Returns: `false` when there are no more pictures.
    func next() throws(MediaError) -> Bool {
        let code = av_buffersink_get_frame(sink, incoming)
        if code == lineup_averror_eof { return false }
        try check(code, "av_buffersink_get_frame")
        av_frame_unref(frame)
        av_frame_move_ref(frame, incoming)
        return true
    }

    /// The picture as large as fits, in the middle of a dark ground, at the slate's rate.
    private func load(
        _ path: String, _ request: SlateRequest
    ) throws(MediaError) -> UnsafeMutablePointer<AVFilterContext> {
        let size = request.codedSize
        // With the protocol's name nothing in the path can mean another.
        var last = try add("movie", [("filename", "file:" + path)], after: nil)
        // `fps` gives nothing for the last picture, and an image has no other: it comes twice.
        last = try add("tpad", [("stop", "1"), ("stop_mode", "clone")], after: last)
        last = try add("fps", [("fps", "\(request.frameRate)")], after: last)
        last = try add(
            "scale",
            [
                ("w", "\(size.width)"), ("h", "\(size.height)"), ("force_original_aspect_ratio", "decrease"),
                ("force_divisible_by", "2"),
            ], after: last)
        last = try add(
            "pad",
            [
                ("width", "\(size.width)"), ("height", "\(size.height)"), ("x", "(ow-iw)/2"), ("y", "(oh-ih)/2"),
                ("color", "0x12161c"),
            ], after: last)
        return try add("setsar", [("sar", "1")], after: last)
    }

    private func draw(_ request: SlateRequest) throws(MediaError) -> UnsafeMutablePointer<AVFilterContext> {
        let size = request.codedSize
        var last = try add(
            "color",
            [("color", "0x12161c"), ("size", "\(size.width)x\(size.height)"), ("rate", "1"), ("duration", "1")],
            after: nil)
        let lines = Self.lines(of: request.text)
        if let font = Self.font, !lines.isEmpty, avfilter_get_by_name("drawtext") != nil {
            last = try addText(lines, font: font, width: size.width, height: size.height, after: last)
        }
        if avfilter_get_by_name("drawbox") != nil {
            let thickness = max(2, size.height / 90)
            last = try add(
                "drawbox",
                [
                    ("x", "0"), ("y", "\(size.height - thickness)"), ("w", "\(size.width)"), ("h", "\(thickness)"),
                    ("color", "0x3aa0ff"), ("t", "fill"),
                ], after: last)
        }
        return last
    }

    deinit {
        var incoming: UnsafeMutablePointer<AVFrame>? = incoming
        av_frame_free(&incoming)
        var frame: UnsafeMutablePointer<AVFrame>? = frame
        av_frame_free(&frame)
        var graph: UnsafeMutablePointer<AVFilterGraph>? = graph
        avfilter_graph_free(&graph)
    }

    /// At most six lines of at most 60 characters, without control characters; what is longer is cut.
    static func lines(of text: String) -> [String] {
        text.split(whereSeparator: \.isNewline).prefix(6).map { line in
            String(
                line.unicodeScalars.filter { $0.properties.generalCategory != .control }.prefix(60).map(Character.init))
        }.filter { !$0.allSatisfy(\.isWhitespace) }
    }

    /// Each line in the middle, the first one larger; all of them fit the width.
    private func addText(
        _ lines: [String], font: String, width: Int, height: Int, after filter: UnsafeMutablePointer<AVFilterContext>
    ) throws(MediaError) -> UnsafeMutablePointer<AVFilterContext> {
        var last = filter
        let sizes = lines.enumerated().map { index, line in
            // DejaVu Sans Bold is at most 0.8 em wide on average, for capitals.
            let fitting = Double(width) * 0.9 / (0.72 * Double(max(line.count, 1)))
            return max(8, Int(min(Double(height) / (index == 0 ? 9 : 16), fitting)))
        }
        let total = sizes.reduce(0) { $0 + $1 * 3 / 2 }
        var y = (height - total) / 2
        for (line, size) in zip(lines, sizes) {
            last = try add(
                "drawtext",
                [
                    ("fontfile", font), ("text", line), ("expansion", "none"), ("fontsize", "\(size)"),
                    ("fontcolor", "0xf2f4f7"), ("x", "(w-text_w)/2"), ("y", "\(y)+(\(size)*1.5-line_h)/2"),
                ], after: last)
            y += size * 3 / 2
        }
        return last
    }

    private func add(
        _ name: String, _ options: [(String, String)], after previous: UnsafeMutablePointer<AVFilterContext>?
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
}
