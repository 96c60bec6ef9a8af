import Domain
import HTTPTypes
import Hummingbird

/// The four pages under the names people see. Everything else of `web/` is served under its own path.
struct PageRoutes: Sendable {
    var pages: PageStore
    var channels: [ChannelName]

    var routes: [Route] {
        [
            Route(.get, "/") { try answer("/index.html", to: $0) },
            Route(.get, "/dj") { try answer("/dj.html", to: $0) },
            Route(.get, "/account") { try answer("/account.html", to: $0) },
            Route(.get, "/admin") { try answer("/admin.html", to: $0) },
            Route(.get, "/watch/{channel}") { request in
                guard channels.contains(try request.channel()) else {
                    throw Problem.notFound("There is no such channel.")
                }
                return try answer("/watch.html", to: request)
            },
        ]
    }

    private func answer(_ name: String, to request: WebRequest) throws(Problem) -> Response {
        guard let page = pages.page(at: name) else { throw .notFound() }
        return page.response(to: request.head.headerFields)
    }
}
