import HTTPTypes

/// Which other sites' pages may read media, lists and the guide (WHATWG Fetch, CORS). Credentials are allowed to none of them.
///
/// Answers are made as for everybody, and changed last where only some may read them: what they hold is shared all the same.
package enum CrossOriginPolicy: Sendable, Equatable {
    case everybody
    /// Origins as browsers send them.
    case some(Set<String>)

    /// - Parameter text: `*`, or origins with commas between them; `nil` where one is no `http` or `https` origin or there is none.
    package init?(_ text: String) {
        let parts = text.split(separator: ",").map { $0.filter { $0 != " " } }
        if parts == ["*"] {
            self = .everybody
            return
        }
        let origins = parts.map { PublicOrigin($0)?.description }
        guard !origins.isEmpty, !origins.contains(nil) else { return nil }
        self = .some(Set(origins.compactMap { $0 }))
    }

    private static let prefix = "access-control-"
    private static let allowOrigin = "access-control-allow-origin"

    /// - Parameter origin: what the request says; `nil`: it is not of another site's page.
    func apply(to reply: inout DeliveryReply, origin: String?) {
        guard case .some(let origins) = self else { return }
        if let origin, origins.contains(origin) {
            for index in reply.fields.indices where reply.fields[index].name == Self.allowOrigin {
                reply.fields[index].value = origin
            }
        } else {
            reply.fields.removeAll { $0.name.hasPrefix(Self.prefix) }
        }
        reply.fields.append(("vary", "Origin"))
    }

    /// As above, for an answer of which the fields say that everybody may read it; others stay as they are.
    func apply(to fields: inout HTTPFields, origin: String?) {
        guard case .some(let origins) = self, fields[.accessControlAllowOrigin] != nil else { return }
        if let origin, origins.contains(origin) {
            fields[.accessControlAllowOrigin] = origin
        } else {
            for field in fields where field.name.canonicalName.hasPrefix(Self.prefix) { fields[field.name] = nil }
        }
        fields.append(HTTPField(name: .vary, value: "Origin"))
    }
}
