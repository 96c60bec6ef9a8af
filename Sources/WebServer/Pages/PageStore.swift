import FoundationEssentials
import HTTPTypes
import Hummingbird
import NIOCore

/// The files of `web/`, read once at start. Immutable, so any task may read it.
struct PageStore: Sendable {
    /// Bytes of all files together: more is not our folder.
    private static let maximumBytes = 16 * 1024 * 1024
    private static let maximumFiles = 500
    /// Without these the folder is the wrong one.
    private static let required = ["/index.html", "/watch.html", "/dj.html", "/admin.html"]
    /// By file extension; files with another one are not served.
    private static let types = [
        "html": "text/html; charset=utf-8", "css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8",
        "svg": "image/svg+xml", "png": "image/png", "ico": "image/x-icon", "woff2": "font/woff2",
        "webmanifest": "application/manifest+json", "txt": "text/plain; charset=utf-8",
    ]

    private var pages: [String: Page] = [:]

    /// - Throws: `.pagesMissing` when the folder cannot be read, is too large, or lacks a page.
    init(folder: String) throws(WebServerError) {
        let names: [String]
        do {
            names = try FileManager.default.subpathsOfDirectory(atPath: folder)
        } catch {
            throw WebServerError(.pagesMissing, "the pages in \(folder) cannot be read: is this the folder web/?")
        }
        var total = 0
        for name in names where Self.isServed(name) {
            guard let type = Self.type(of: name),
                let data = FileManager.default.contents(atPath: folder + "/" + name)
            else { continue }
            total += data.count
            guard total <= Self.maximumBytes, pages.count < Self.maximumFiles else {
                throw WebServerError(.pagesMissing, "\(folder) holds too much to be the folder web/")
            }
            let body = ByteBuffer(bytes: data)
            pages["/" + name] = Page(body: body, contentType: type, entityTag: EntityTag.of(body))
        }
        for name in Self.required where pages[name] == nil {
            throw WebServerError(.pagesMissing, "\(folder) has no \(name.dropFirst()): is this the folder web/?")
        }
    }

    func page(at path: String) -> Page? { pages[path] }

    /// Where nothing is: people get a page, programs a problem document.
    ///
    /// - Throws: `problem` for programs.
    func missing(
        _ problem: Problem = .notFound(), for headers: HTTPFields, policy: String = Page.contentSecurityPolicy
    ) throws(Problem) -> Response {
        guard headers[.accept]?.contains("text/html") == true, let page = page(at: "/404.html") else { throw problem }
        var response = page.response(to: [:], policy: policy)
        response.status = .notFound
        return response
    }

    /// Tests and hidden files stay where they are.
    private static func isServed(_ name: String) -> Bool {
        let parts = name.split(separator: "/")
        return !parts.contains { $0.hasPrefix(".") } && parts.first != "tests"
    }

    private static func type(of name: String) -> String? {
        guard let dot = name.lastIndex(of: ".") else { return nil }
        return types[String(name[name.index(after: dot)...])]
    }
}
