import Domain
import HTTPTypes
import Hummingbird
import NIOCore

/// One's own account: name, address, password, picture, sessions, what is kept of one, and the end of it.
struct ProfileRoutes: Sendable {
    var profiles: any ProfileDesk
    var cookie: SessionCookie
    var clock: any WallClock

    /// Bytes of an uploaded picture.
    static let maximumPictureBytes = 4 * 1024 * 1024
    private static let pictureTypes = ["image/png", "image/jpeg", "image/webp"]

    private struct ChangeBody: Decodable {
        var name: String?
        var timeZone: String?
    }

    private struct EmailBody: Decodable {
        var email: String
        var password: String
    }

    private struct EmailAnswer: Encodable {
        var changed: Bool
    }

    private struct PasswordBody: Decodable {
        var password: String
        var newPassword: String
    }

    private struct ProofBody: Decodable {
        var password: String
    }

    private struct Session: Encodable {
        var id: WebSessionID
        var createdAt: WallTime
        var lastSeenAt: WallTime
        var address: String?
        var agent: String?
        var current: Bool

        init(_ info: SessionInfo) {
            id = info.id
            createdAt = info.createdAt
            lastSeenAt = info.lastSeenAt
            address = info.address
            agent = info.agent
            current = info.isCurrent
        }
    }

    private struct SessionList: Encodable {
        var sessions: [Session]
    }

    private struct Export: Encodable {
        struct Key: Encodable {
            var label: String
            var createdAt: WallTime
            var lastUsedAt: WallTime?
            var revokedAt: WallTime?
        }

        var account: OwnAccount
        var createdAt: WallTime
        var keys: [Key]
        var sessions: [Session]
        var entries: [PastEntry]
        var audit: [StoredAuditRecord]

        init(_ export: AccountExport) {
            account = OwnAccount(export.account)
            createdAt = export.account.createdAt
            keys = export.keys.map {
                Key(label: $0.label, createdAt: $0.createdAt, lastUsedAt: $0.lastUsedAt, revokedAt: $0.revokedAt)
            }
            sessions = export.sessions.map(Session.init)
            entries = export.entries
            audit = export.audit
        }
    }

    private static let sessionSchema = Schema.named(
        "Session",
        .object(
            .required("id", .id), .required("createdAt", .time), .required("lastSeenAt", .time),
            .optional("address", .string), .optional("agent", .string), .required("current", .bool)))

    private static let password = Schema.note(.secret, "The present one.")

    var routes: [Route] { accountRoutes + pictureRoutes + sessionRoutes }

    private var accountRoutes: [Route] {
        [
            Route(
                .patch, "/api/v1/account", .signedIn,
                Operation(
                    "Changes one's name or time zone", .accounts,
                    body: .object(.optional("name", .text(1...40)), .optional("timeZone", .text(0...64))),
                    answers: [.ok(OwnAccount.schema)], problems: [(.conflict, "Another DJ has this name.")])
            ) { request in
                let body = try request.json(ChangeBody.self)
                let change = ProfileChange(name: body.name, timeZone: body.timeZone)
                return JSONAnswer.response(
                    OwnAccount(try await profiles.change(try request.account().id, change)))
            },
            Route(
                .put, "/api/v1/account/email", .signedIn,
                Operation(
                    "Changes one's e-mail address", .accounts,
                    body: .object(.required("email", .text(3...254)), .required("password", Self.password)),
                    answers: [
                        .ok(
                            .object(
                                .required("changed", .note(.bool, "`false`: once the link in a mail is followed."))))
                    ], problems: [(.conflict, "An account with this address exists.")])
            ) { request in
                let body = try request.json(EmailBody.self)
                let changed = try await profiles.changeEmail(
                    of: try request.account().id, to: body.email, password: Secret(body.password),
                    from: request.client)
                return JSONAnswer.response(EmailAnswer(changed: changed))
            },
            Route(
                .put, "/api/v1/account/password", .signedIn,
                Operation(
                    "Changes one's password", .accounts,
                    details: "Every session ends; the one that asks is replaced by a new one.",
                    body: .object(.required("password", Self.password), .required("newPassword", .secret)),
                    answers: [.ok(AccountRoutes.Me.schema, "The new session's cookie is set.")])
            ) { request in
                let body = try request.json(PasswordBody.self)
                let session = try await profiles.changePassword(
                    of: try request.account().id, from: Secret(body.password), to: Secret(body.newPassword),
                    client: request.client)
                return cookie.opening(session, for: request, now: clock.now(), status: .ok)
            },
            Route(
                .get, "/api/v1/account/export", .signedIn,
                Operation(
                    "Hands out all that is kept of oneself", .accounts,
                    answers: [
                        .ok(
                            .object(
                                .required("account", OwnAccount.schema), .required("createdAt", .time),
                                .required("keys", .array(.any)), .required("sessions", .array(Self.sessionSchema)),
                                .required("entries", .array(.any)), .required("audit", .array(.any))))
                    ])
            ) { request in
                var response = JSONAnswer.response(Export(try await profiles.export(try request.account().id)))
                response.headers[.contentDisposition] = "attachment; filename=\"lineup-account.json\""
                return response
            },
            Route(
                .post, "/api/v1/account/delete", .signedIn,
                Operation(
                    "Deletes one's account", .accounts,
                    details: "Nothing personal is left. Keys are refused at once, a live stream ends within a second.",
                    body: .object(.required("password", Self.password)), answers: [.noContent("It is gone.")])
            ) { request in
                let body = try request.json(ProofBody.self)
                try await profiles.delete(
                    try request.account().id, password: Secret(body.password), from: request.client)
                var response = JSONAnswer.noContent()
                response.headers[.setCookie] = cookie.secured(request.isSecure).clearing
                return response
            },
        ]
    }

    // MARK: The picture

    private var pictureRoutes: [Route] {
        [
            Route(
                .put, "/api/v1/account/picture", .signedIn,
                Operation(
                    "Sets one's picture", .accounts,
                    details:
                        "PNG, JPEG or WebP, at most 4 MiB and 30 megapixels; kept as a square JPEG of at most 512 pixels.",
                    body: .leaf([:]), bodyMediaTypes: Self.pictureTypes, answers: [.ok(OwnAccount.schema)])
            ) { request in
                let bytes = Array(request.body.readableBytesView)
                return JSONAnswer.response(
                    OwnAccount(try await profiles.setPicture(of: try request.account().id, bytes)))
            }.taking(upTo: Self.maximumPictureBytes),
            Route(
                .delete, "/api/v1/account/picture", .signedIn,
                Operation("Takes one's picture away", .accounts, answers: [.ok(OwnAccount.schema)])
            ) { request in
                JSONAnswer.response(OwnAccount(try await profiles.removePicture(of: try request.account().id)))
            },
            Route(
                .get, "/api/v1/users/{id}/picture", .anybody,
                Operation(
                    "Shows a DJ's picture", .accounts,
                    answers: [.bytes("image/jpeg", "A square of at most 512 pixels.")])
            ) { try await picture($0) },
        ]
    }

    private func picture(_ request: WebRequest) async throws -> Response {
        guard let picture = try await profiles.picture(of: try request.id()) else {
            throw Problem.notFound("There is no picture.")
        }
        let tag = "\"\(picture.version)\""
        var headers: HTTPFields = [
            .contentType: "image/jpeg", .eTag: tag, .cacheControl: "public, max-age=300",
            .contentSecurityPolicy: "default-src 'none'; sandbox",
        ]
        if EntityTag.matches(request.head.headerFields[.ifNoneMatch], tag) {
            headers[.contentType] = nil
            return Response(status: .notModified, headers: headers)
        }
        return Response(
            status: .ok, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: picture.bytes)))
    }

    // MARK: Sessions

    private var sessionRoutes: [Route] {
        [
            Route(
                .get, "/api/v1/account/sessions", .signedIn,
                Operation(
                    "Lists where one is logged in", .accounts,
                    answers: [.ok(.object(.required("sessions", .array(Self.sessionSchema))))])
            ) { request in
                let list = try await profiles.sessions(of: try request.account().id, current: request.sessionToken)
                return JSONAnswer.response(SessionList(sessions: list.map(Session.init)))
            },
            Route(
                .delete, "/api/v1/account/sessions/{id}", .signedIn,
                Operation("Ends one of one's sessions", .accounts, answers: [.noContent("It has ended.")])
            ) { request in
                try await profiles.endSession(try request.id(), of: try request.account().id)
                return JSONAnswer.noContent()
            },
            Route(
                .delete, "/api/v1/account/sessions", .signedIn,
                Operation(
                    "Ends all of one's sessions but this one", .accounts, answers: [.noContent("They have ended.")])
            ) { request in
                guard let current = request.sessionToken else { throw Problem.signInFirst }
                try await profiles.endOtherSessions(of: try request.account().id, current: current)
                return JSONAnswer.noContent()
            },
        ]
    }
}
