/// One request of obs-websocket v5, with its fields. The typed ones are generated (`OBSRequests`).
package struct OBSRequest: Sendable, Equatable {
    package var type: String
    package var data: [String: JSON]
    /// Fields that are taken from the batch's variables, by name; and what of the answer is put there.
    package var inputVariables: [String: String] = [:]
    package var outputVariables: [String: String] = [:]

    package init(_ type: String, _ data: [String: JSON] = [:]) {
        self.type = type
        self.data = data
    }

    /// Gathers fields; what is `nil` is left out.
    struct Fields {
        private(set) var values: [String: JSON] = [:]

        mutating func add(_ name: String, _ value: String?) { values[name] = value.map { .string($0) } }
        mutating func add(_ name: String, _ value: Double?) { values[name] = value.map { .number($0) } }
        mutating func add(_ name: String, _ value: Bool?) { values[name] = value.map { .bool($0) } }
        mutating func add(_ name: String, _ value: JSON?) { values[name] = value }
    }

    /// As it stands in a batch.
    package var json: JSON {
        var fields: [String: JSON] = ["requestType": .string(type)]
        if !data.isEmpty { fields["requestData"] = .object(data) }
        if !inputVariables.isEmpty { fields["inputVariables"] = .object(inputVariables.mapValues { .string($0) }) }
        if !outputVariables.isEmpty { fields["outputVariables"] = .object(outputVariables.mapValues { .string($0) }) }
        return .object(fields)
    }
}

/// Requests that OBS does together.
package struct OBSBatch: Sendable, Equatable {
    package var requests: [OBSRequest]
    /// `serialFrame`: one after the other, all in one picture's time unless there is a Sleep.
    package var execution: OBSBatchExecution
    package var haltOnFailure: Bool

    package init(_ requests: [OBSRequest], execution: OBSBatchExecution = .serialFrame, haltOnFailure: Bool = false) {
        self.requests = requests
        self.execution = execution
        self.haltOnFailure = haltOnFailure
    }

    /// The message, or what a dry run shows of it.
    package func json(id: String) -> JSON {
        .object([
            "requestId": .string(id), "haltOnFailure": .bool(haltOnFailure),
            "executionType": .integer(execution.rawValue), "requests": .array(requests.map(\.json)),
        ])
    }

    /// What its Sleeps take; a frame at OBS's slowest usual rate of 24 a second.
    package var sleep: Duration {
        requests.reduce(.zero) { sum, request in
            guard request.type == "Sleep" else { return sum }
            let milliseconds = request.data["sleepMillis"]?.number ?? 0
            let frames = request.data["sleepFrames"]?.number ?? 0
            return sum + .milliseconds(Int64(max(0, min(50_000, milliseconds)) + max(0, min(10_000, frames)) * 42))
        }
    }
}

/// OBS's answer to one request.
package struct OBSReply: Sendable, Equatable {
    package var type: String
    package var code: Int
    /// OBS's own words; may name a scene or an input, never a secret of ours.
    package var comment: String?
    package var data: JSON

    package init(type: String, code: Int, comment: String? = nil, data: JSON = .object([:])) {
        self.type = type
        self.code = code
        self.comment = comment
        self.data = data
    }

    package var status: OBSRequestStatus? { OBSRequestStatus(rawValue: code) }
    package var isDone: Bool { code == OBSRequestStatus.success.rawValue }

    /// One sentence for an operator, of what went wrong.
    package var problem: String {
        let words = comment.map { String($0.prefix(200)) } ?? status.map { "\($0)" } ?? "code \(code)"
        return "\(type): \(words)"
    }

    init?(_ json: JSON) {
        guard let type = json["requestType"]?.string, let status = json["requestStatus"],
            let code = status["code"]?.integer
        else { return nil }
        self.init(
            type: String(type.prefix(64)), code: code, comment: status["comment"]?.string,
            data: json["responseData"] ?? .object([:]))
    }
}

/// What each request takes, from the protocol's own data.
package enum OBSRequestTable {
    package enum Kind: String, Sendable {
        case string = "S"
        case number = "N"
        case boolean = "B"
        case object = "O"
        case any = "A"
    }

    package struct Field: Sendable, Equatable {
        package var name: String
        package var kind: Kind
        package var isOptional: Bool
    }

    /// `nil`: there is no such request.
    package static func fields(of type: String) -> [Field]? {
        rows[type]?.split(separator: " ").map { word in
            let parts = word.split(separator: ":", maxSplits: 1)
            return Field(
                name: String(parts[0]), kind: Kind(rawValue: String(parts[1].prefix(1))) ?? .any,
                isOptional: parts[1].hasSuffix("?"))
        }
    }

    package static var types: [String] { rows.keys.sorted() }

    /// What is wrong with a request, in words for whoever wrote it; `nil`: nothing.
    package static func problem(of request: OBSRequest) -> String? {
        guard let fields = fields(of: request.type) else { return "there is no request \(request.type)" }
        for (name, value) in request.data.sorted(by: { $0.key < $1.key }) {
            guard let field = fields.first(where: { $0.name == name }) else {
                return "\(request.type) has no field \(name)"
            }
            guard value.is(field.kind) else { return "\(request.type): \(name) takes a \(field.kind)" }
        }
        let missing = fields.first { field in
            !field.isOptional && request.data[field.name] == nil && request.inputVariables[field.name] == nil
        }
        return missing.map { "\(request.type) needs \($0.name)" }
    }
}

extension JSON {
    fileprivate func `is`(_ kind: OBSRequestTable.Kind) -> Bool {
        switch kind {
        case .string: string != nil
        case .number: number != nil
        case .boolean: bool != nil
        case .object: object != nil
        case .any: true
        }
    }
}
