/// One setting of the server: where it is read from, what it means, what holds without it.
///
/// The only place a key is documented: `lineup serve --help` prints this table and a test compares `.envrc.sample` with it.
package struct ConfigurationKey: Sendable {
    /// The environment variable.
    package let name: String
    /// The flag of `lineup serve` that overrides it, without dashes; `nil` for what belongs in the environment only.
    package let flag: String?
    /// As text; empty when there is none.
    package let standard: String
    package let meaning: String
    package let isSecret: Bool

    init(_ name: String, flag: String? = nil, standard: String = "", isSecret: Bool = false, _ meaning: String) {
        self.name = name
        self.flag = flag
        self.standard = standard
        self.meaning = meaning
        self.isSecret = isSecret
    }

    package static let dataFolder = ConfigurationKey(
        "LINEUP_DATA_DIR", flag: "data-dir", standard: "./data",
        "Folder for everything the server keeps: its private database, lock, control socket. Created when missing.")
    package static let bindAddress = ConfigurationKey(
        "LINEUP_BIND_ADDRESS", flag: "bind-address", standard: "127.0.0.1",
        "IP address to listen on for HTTP and RTMP. 0.0.0.0 lets others in.")
    package static let httpPort = ConfigurationKey(
        "LINEUP_HTTP_PORT", flag: "http-port", standard: "8080",
        "TCP port of pages, API and media, 0…65535; 0 takes a free one.")
    package static let rtmpPort = ConfigurationKey(
        "LINEUP_RTMP_PORT", flag: "rtmp-port", standard: "1935",
        "TCP port for publishers and players, 0…65535; 0 takes a free one.")
    package static let rtmpMaximumConnections = ConfigurationKey(
        "LINEUP_RTMP_MAX_CONNECTIONS", flag: "rtmp-max-connections", standard: "1024",
        "RTMP connections at once, 1…100000. Each takes a file descriptor.")
    package static let rtmpMaximumConnectionsPerAddress = ConfigurationKey(
        "LINEUP_RTMP_MAX_CONNECTIONS_PER_ADDRESS", flag: "rtmp-max-connections-per-address", standard: "64",
        "Of these from one IPv4 address or IPv6 /64 network, 1…100000; as many may come at once, a quarter each second."
    )
    package static let rtmpIdleSeconds = ConfigurationKey(
        "LINEUP_RTMP_IDLE_SECONDS", flag: "rtmp-idle-seconds", standard: "30",
        "Seconds without picture or sound after which a publisher is closed, 2…3600.")
    package static let rtmpMaximumChunkSize = ConfigurationKey(
        "LINEUP_RTMP_MAX_CHUNK_SIZE", standard: "65536",
        "Largest chunk size an encoder may set, in bytes; 128 to 16777215. A larger one is refused with the reason.")
    package static let rtmpsPort = ConfigurationKey(
        "LINEUP_RTMPS_PORT", flag: "rtmps-port",
        "TCP port for RTMP over TLS, 0…65535; 0 takes a free one. Not set: none. Needs the two files below.")
    package static let httpsPort = ConfigurationKey(
        "LINEUP_HTTPS_PORT", flag: "https-port",
        "TCP port for HTTPS with HTTP/2, 0…65535; 0 takes a free one. Not set: none. Needs the two files below.")
    package static let tlsCertificate = ConfigurationKey(
        "LINEUP_TLS_CERTIFICATE",
        "PEM file with the certificate for RTMPS and HTTPS and its chain. Read again when it changes.")
    package static let tlsKey = ConfigurationKey(
        "LINEUP_TLS_KEY", "PEM file with the certificate's private key, not encrypted. Read again when it changes.")
    package static let playMerge = ConfigurationKey(
        "LINEUP_RTMP_PLAY_MERGE", standard: "100",
        "Milliseconds, 0…1000, for which pictures and sound for RTMP players gather into one write. Less is sooner and costs more."
    )
    package static let maximumPlayers = ConfigurationKey(
        "LINEUP_RTMP_MAX_PLAYERS", standard: "768", "RTMP players at once, 0…100000; keep it below the connections.")
    package static let maximumPlayersPerAddress = ConfigurationKey(
        "LINEUP_RTMP_MAX_PLAYERS_PER_ADDRESS", standard: "48", "RTMP players at once from one address, 0…100000.")
    package static let maximumViewers = ConfigurationKey(
        "LINEUP_STREAM_MAX_VIEWERS", standard: "2048",
        "Viewers at once with a stream of their own (MPEG-TS, sound, WebSocket), 0…100000. HLS and DASH do not count.")
    package static let maximumViewersPerChannel = ConfigurationKey(
        "LINEUP_STREAM_MAX_VIEWERS_PER_CHANNEL", standard: "1024", "Of these on one channel, 0…100000.")
    package static let viewerAccess = ConfigurationKey(
        "LINEUP_VIEWER_ACCESS", standard: "open",
        "Who may watch: `open` to everybody, or with a `token` that an operator hands out (addresses in /playlist.m3u carry one)."
    )
    package static let viewerIdleSeconds = ConfigurationKey(
        "LINEUP_VIEWER_IDLE_SECONDS", standard: "30",
        "Seconds without a request after which a viewer of HLS or DASH has left, 10…600.")
    package static let viewerEventSeconds = ConfigurationKey(
        "LINEUP_VIEWER_EVENT_SECONDS", standard: "60",
        "Seconds, 0…3600, in which viewers who came and went gather into one event each; 0: no such events.")
    package static let hlsPart = ConfigurationKey(
        "LINEUP_HLS_PART", standard: "500",
        "Milliseconds of a low-latency HLS part, 333…1000. Viewers are three parts behind; shorter ones cost more requests."
    )
    package static let publicURL = ConfigurationKey(
        "LINEUP_PUBLIC_URL", flag: "public-url",
        "Where people reach the pages, as https://live.example.org. With https, session cookies are marked Secure.")
    package static let secretKey = ConfigurationKey(
        "LINEUP_SECRET_KEY", isSecret: true,
        "Encrypts stored secrets (webhook URLs, OBS passwords, TOTP seeds): 32 characters or more, as `openssl rand -hex 32` makes them. Without it a key file in the data folder."
    )
    package static let discordWebhook = ConfigurationKey(
        "DISCORD_WEBHOOK_URL", isSecret: true,
        "URL of a Discord webhook: makes the target `discord`, which tells that channel who is on air. More by `lineup target`."
    )
    package static let targetNetworks = ConfigurationKey(
        "LINEUP_TARGETS_ALLOW_NETWORKS",
        "Private networks that webhooks may be in, as 127.0.0.0/8,10.0.0.0/8. Others are refused.")
    package static let targetParkHours = ConfigurationKey(
        "LINEUP_TARGETS_PARK_HOURS", standard: "24",
        "Hours for which a webhook may take nothing before it is parked and waits for an admin, 0.01…720.")
    package static let eventFolder = ConfigurationKey(
        "LINEUP_EVENTS_DIR", "Folder for targets that are files of JSON lines; without it `events` in the data folder.")
    package static let obsHost = ConfigurationKey(
        "OBS_HOST",
        "Name or address of an OBS with obs-websocket: makes the connection `studio`, which follows the programme. More by `lineup obs`."
    )
    package static let obsPort = ConfigurationKey(
        "OBS_PORT", standard: "4455", "Its port, 1…65535.")
    package static let obsPassword = ConfigurationKey("OBS_PASSWORD", isSecret: true, "Its password, if it has one.")
    package static let obsSceneLive = ConfigurationKey(
        "LINEUP_OBS_SCENE_LIVE", "The scene that `studio` shows while a DJ is on air.")
    package static let obsSceneSlate = ConfigurationKey(
        "LINEUP_OBS_SCENE_SLATE", "The scene that `studio` shows while nobody is.")
    package static let obsTextDJ = ConfigurationKey(
        "LINEUP_OBS_TEXT_DJ", "The text input of `studio` that shows the DJ's name.")
    package static let trustedProxies = ConfigurationKey(
        "LINEUP_TRUSTED_PROXIES",
        "Addresses or networks of reverse proxies, as 127.0.0.1,10.0.0.0/8,::1. Only theirs X-Forwarded-For, -Proto, -Host and -Port (else Forwarded) count; their X-Region stands against what an address says."
    )
    package static let crossOrigins = ConfigurationKey(
        "LINEUP_CORS_ORIGINS", standard: "*",
        "Other sites whose pages may read media, lists and the guide, as https://a.example,https://b.example; * lets all. Never with credentials."
    )
    package static let signUp = ConfigurationKey(
        "LINEUP_SIGN_UP",
        "Who may sign up: open; approval (a new DJ's entries are held until an operator lets one through); invite; closed. Not set: open on a loopback address, else approval."
    )
    package static let smtpURL = ConfigurationKey(
        "LINEUP_SMTP_URL", isSecret: true,
        "smtp://USER:PASSWORD@HOST:587 (STARTTLS) or smtps://…:465. Needs the next two. Without it admins hand reset links on."
    )
    package static let mailFrom = ConfigurationKey(
        "LINEUP_MAIL_FROM", "Whom mails come from: lineup@example.org, or Lineup <lineup@example.org>.")
    package static let smtpAuthorities = ConfigurationKey(
        "LINEUP_SMTP_CA_FILE",
        "PEM file of the authorities that the mail server's certificate may come from, instead of the system's.")
    package static let passwordList = ConfigurationKey(
        "LINEUP_PASSWORD_LIST", standard: "/usr/share/john/password.lst",
        "File of common passwords, one a line, that nobody may take; 4 MiB at most. Beside it some are built in.")
    package static let logLevel = ConfigurationKey(
        "LINEUP_LOG_LEVEL", flag: "log-level", standard: "info",
        "trace, debug, info, notice, warning, error or critical.")
    package static let logFormat = ConfigurationKey(
        "LINEUP_LOG_FORMAT", flag: "log-format", standard: "text", "text or json; one line an entry, on standard error."
    )
    package static let programmeDelay = ConfigurationKey(
        "LINEUP_PROGRAMME_DELAY", flag: "programme-delay", standard: "2",
        "Seconds of delay between a DJ and the programme, 0…30, in which trouble upstream goes unseen; a channel's setting goes before it."
    )
    package static let slateText = ConfigurationKey(
        "LINEUP_SLATE_TEXT", standard: "The next DJ is on the way",
        "What the slate says while nobody is on air: up to six lines of 60 characters.")
    package static let slateFile = ConfigurationKey(
        "LINEUP_SLATE_FILE",
        "An image or a clip to show instead of the slate's text; of a clip the first 240 pictures, without its sound.")
    package static let eventRetentionDays = ConfigurationKey(
        "LINEUP_EVENT_RETENTION_DAYS", standard: "30",
        "Days, 0…36500, for which the queue's events are kept for readers that come back; 0 keeps them for ever.")
    package static let auditRetentionDays = ConfigurationKey(
        "LINEUP_AUDIT_RETENTION_DAYS", standard: "400",
        "Days, 0…36500, for which the audit log keeps who did what; 0 keeps it for ever.")
    package static let webRoot = ConfigurationKey(
        "LINEUP_WEB_ROOT",
        "Folder with the pages; without it `web` in the working folder, beside the program or above it.")
    package static let migrationsFolder = ConfigurationKey(
        "LINEUP_MIGRATIONS_DIR",
        "Folder with the database migrations; without it `migrations`, looked for like the pages.")
    package static let databaseURL = ConfigurationKey(
        "DATABASE_URL", isSecret: true,
        "postgres://USER:PASSWORD@HOST:PORT/NAME. Without it the server runs a private PostgreSQL in its data folder.")
    package static let databaseHost = ConfigurationKey(
        "DB_HOST", "Older name: the database's host, when DATABASE_URL is not set.")
    package static let databasePort = ConfigurationKey(
        "DB_PORT", "Older name: the database's port, 5432 without it.")
    package static let databaseName = ConfigurationKey("DB_NAME", "Older name: the database's name, lineup without it.")
    package static let databaseUser = ConfigurationKey("DB_USER", "Older name: the database's user, lineup without it.")
    package static let databasePassword = ConfigurationKey(
        "DB_PASSWORD", isSecret: true, "Older name: the database user's password.")

    /// In the order they are printed.
    package static let all = [
        dataFolder, bindAddress, httpPort, rtmpPort, rtmpMaximumConnections, rtmpMaximumConnectionsPerAddress,
        rtmpIdleSeconds, rtmpMaximumChunkSize, rtmpsPort, httpsPort, tlsCertificate, tlsKey, playMerge, maximumPlayers,
        maximumPlayersPerAddress, maximumViewers, maximumViewersPerChannel, viewerAccess, viewerIdleSeconds,
        viewerEventSeconds, hlsPart, publicURL, trustedProxies, crossOrigins, secretKey, signUp, smtpURL, mailFrom,
        smtpAuthorities,
        passwordList, discordWebhook, targetNetworks, targetParkHours, eventFolder, obsHost, obsPort, obsPassword,
        obsSceneLive, obsSceneSlate, obsTextDJ, logLevel, logFormat,
        programmeDelay, slateText, slateFile, eventRetentionDays, auditRetentionDays, webRoot,
        migrationsFolder, databaseURL, databaseHost, databasePort, databaseName, databaseUser, databasePassword,
    ]

    /// The table for `--help`, at most 78 columns wide: what is wider would lose its indentation there.
    package static var table: String {
        all.map { key in
            let standard = key.standard.isEmpty ? "" : " (default \(key.standard))"
            return "  \(key.name)\(standard)\n" + wrapped(key.meaning, width: 72, indentation: "      ")
        }.joined(separator: "\n")
    }

    private static func wrapped(_ text: String, width: Int, indentation: String) -> String {
        var lines = [""]
        for word in text.split(separator: " ") {
            let line = lines[lines.count - 1]
            if line.isEmpty {
                lines[lines.count - 1] = String(word)
            } else if line.count + 1 + word.count <= width {
                lines[lines.count - 1] = line + " " + word
            } else {
                lines.append(String(word))
            }
        }
        return lines.map { indentation + $0 }.joined(separator: "\n")
    }
}
