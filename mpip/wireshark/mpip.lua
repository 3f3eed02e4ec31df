-- SPDX-License-Identifier: BSD-2-Clause
--
-- Wireshark's dissector of MPIP: tshark -X lua_script:mpip/wireshark/mpip.lua -r FILE
--
-- Theory of operation: a control message (CM) lies at the end of a packet, or in an option, of any
-- TCP or UDP port, so this is a post-dissector that looks at every packet from its end, as mpipd
-- does (core/cm_wire.h is the truth about the bytes, core/forms.h about the wire forms). What makes
-- bytes a CM is its checksum, which binds it to the segment in front of it; so the binding that
-- holds also tells the wire form and the session's protocol:
--
--   udp       [IP, UDP at the wire port: segment, CM]
--   fake-tcp  [IP, TCP of the path's own: segment, CM]
--   literal   [IP, segment, CM]
--
-- A segment is the session's transport header and user data. Queries, confirmations and keepalives
-- travel in an option on the connection itself; handshakes of fake connections in one of their own.
--
-- Bytes whose checksum does not hold are user data, and left alone, unless they are at the end of a
-- packet of a connection that has carried CMs, and look like one: those get an expert info.
--
-- A capture on a host shows packets as merged by GRO or not yet cut by GSO; these are taken apart
-- where the first CM's identity, which is that of the last, is found.

local CM_FIXED, CM_VERSION, CM_SALT = 28, 1, 0x4d504950
local CARRIER_LENGTH, CARRIER_HS_LENGTH, CARRIER_CM = 40, 32, 36
local TCP, UDP, ICMP = 6, 17, 1
local FLAG = {
	ENABLE = 0x01, ENABLED = 0x02, HB = 0x04, IP_CHANGE = 0x08,
	HS = 0x10, PROBE = 0x20, WANT = 0x40, LEAVE = 0x80,
}

local mpip = Proto("mpip", "Multipath IP")
mpip.prefs.port = Pref.uint("Wire port", 5280, "mpipd's wire_port")

local protocols = { [TCP] = "TCP", [UDP] = "UDP" }
local statuses = { [0] = "Bad", [1] = "Good" }
local forms = { [0] = "udp", [1] = "literal", [2] = "fake-tcp" } -- enum wire_form

-- The names of the paper's Table 1 where it has one.
local f = {
	wire_form = ProtoField.string("mpip.wire_form", "Wire form"),
	kind = ProtoField.string("mpip.kind", "Kind"),
	node = ProtoField.ether("mpip.node_id", "Node ID"),
	session = ProtoField.uint32("mpip.session_id", "Session ID"),
	path = ProtoField.uint16("mpip.path_id", "Path ID"),
	feedback = ProtoField.uint16("mpip.feedback_path_id", "Feedback Path ID", base.DEC, nil, nil,
		"The path that Path Delay is about; 0: none"),
	stamp = ProtoField.uint32("mpip.packet_timestamp", "Packet Timestamp", base.DEC, nil, nil,
		"Microseconds of the sender's clock"),
	delay = ProtoField.int32("mpip.path_delay", "Path Delay", base.DEC, nil, nil,
		"Microseconds between two clocks: only differences count"),
	flags = ProtoField.uint8("mpip.flags", "CM Flags", base.HEX),
	enable = ProtoField.bool("mpip.flags.enable", "Flags_Enable (query)", 8, nil, FLAG.ENABLE),
	enabled = ProtoField.bool(
		"mpip.flags.enabled", "Flags_Enabled (confirmation)", 8, nil, FLAG.ENABLED),
	hb = ProtoField.bool("mpip.flags.hb", "Flags_HB (heartbeat)", 8, nil, FLAG.HB),
	ip_change = ProtoField.bool("mpip.flags.ip_change", "Flags_IP_Change", 8, nil, FLAG.IP_CHANGE),
	hs = ProtoField.bool("mpip.flags.hs", "Flags_Hs (fake TCP's handshake)", 8, nil, FLAG.HS),
	probe = ProtoField.bool("mpip.flags.probe", "Probe: answer at once", 8, nil, FLAG.PROBE),
	want = ProtoField.bool(
		"mpip.flags.want", "Want: no Local Address List of yours here yet", 8, nil, FLAG.WANT),
	leave = ProtoField.bool("mpip.flags.leave", "Leave: fall back now", 8, nil, FLAG.LEAVE),
	version = ProtoField.uint8("mpip.version", "Version", base.DEC, nil, 0xf0),
	words = ProtoField.uint8("mpip.extension_words", "Extension, 32-bit words", base.DEC, nil, 0x0f),
	checksum = ProtoField.uint32("mpip.checksum", "Checksum", base.HEX),
	status = ProtoField.uint8("mpip.checksum.status", "Checksum Status", base.DEC, statuses),

	extension = ProtoField.bytes("mpip.extension", "Extension"),
	hello_form = ProtoField.uint8("mpip.hello.wire_form", "Wire form, of the sender", base.DEC, forms),
	hello_port = ProtoField.uint16("mpip.hello.port", "Wire port, of the sender"),
	hello_boot = ProtoField.uint16("mpip.hello.boot", "Boot number", base.HEX),
	list_version = ProtoField.uint8("mpip.local_address_list.version", "Local Address List version"),
	address = ProtoField.ipv4("mpip.local_address_list", "Local Address List"),
	list_ack = ProtoField.uint8("mpip.list_ack", "Acknowledged Local Address List version"),
	size_path = ProtoField.uint16("mpip.size.path_id", "Padded heartbeat came on Path ID"),
	size = ProtoField.uint16("mpip.size.bytes", "Bytes that came of it"),
	scale = ProtoField.uint8("mpip.window_scale", "Window scale of the sender"),
	unknown = ProtoField.bytes("mpip.extension.unknown", "Part of an unknown type"),

	protocol = ProtoField.uint8("mpip.protocol", "Protocol of the session", base.DEC, protocols),
	src = ProtoField.uint16("mpip.segment.srcport", "Source Port"),
	dst = ProtoField.uint16("mpip.segment.dstport", "Destination Port"),
	seq = ProtoField.uint32("mpip.segment.seq", "Sequence Number"),
	ack = ProtoField.uint32("mpip.segment.ack", "Acknowledgment Number"),
	data = ProtoField.uint32("mpip.data_length", "Bytes of user data"),
}
mpip.fields = f

local e_bad = ProtoExpert.new("mpip.checksum.bad",
	"The CM's checksum is wrong: to mpipd this is no CM", expert.group.CHECKSUM, expert.severity.ERROR)
local e_part = ProtoExpert.new("mpip.extension.bad",
	"The extension's parts do not fit", expert.group.MALFORMED, expert.severity.ERROR)
mpip.experts = { e_bad, e_part }

local ip_version = Field.new("ip.version") -- where the IP headers are

-- What the capture has shown so far: [node and session] = protocol or true, [connection] = true.
local session_protocol, carries = {}, {}

function mpip.init()
	session_protocol, carries = {}, {}
end

-- An IP packet: t, ip and stop (offsets), proto, ports, payload (offset), user_end.
local function view(t, ip)
	if t:len() < ip + 20 then return nil end
	local p = { t = t, ip = ip, proto = t(ip + 9, 1):uint() }
	p.transport = ip + 4 * (t(ip, 1):uint() % 16)
	local length = t(ip + 2, 2):uint()
	p.stop = length > 0 and ip + length or t:len() -- 0: a super-packet
	if t(ip + 6, 2):uint() % 0x4000 ~= 0 then return nil end -- a fragment
	if p.stop > t:len() then return nil end -- cut off by the capture
	if p.proto == TCP and p.stop - p.transport >= 20 then
		p.payload = p.transport + 4 * math.floor(t(p.transport + 12, 1):uint() / 16)
		p.user_end = p.stop
	elseif p.proto == UDP and p.stop - p.transport >= 8 then
		p.payload = p.transport + 8
		p.user_end = p.transport + t(p.transport + 4, 2):uint()
	end
	if not p.payload or p.payload > p.stop or p.user_end < p.payload or p.user_end > p.stop then
		return nil
	end
	p.src, p.dst = t(p.transport, 2):uint(), t(p.transport + 2, 2):uint()
	local a = tostring(t(ip + 12, 4):bytes()) .. ":" .. p.src
	local b = tostring(t(ip + 16, 4):bytes()) .. ":" .. p.dst
	p.connection = p.proto .. (a < b and a .. b or b .. a)
	p.at_wire_port = p.src == mpip.prefs.port or p.dst == mpip.prefs.port
	return p
end

-- The start of the CM that ends at `stop`, not before `start`; nil: there cannot be one.
local function cm_start(t, start, stop)
	if stop - start < CM_FIXED then return nil end
	local version_words = t(stop - 5, 1):uint()
	local size = CM_FIXED + 4 * (version_words % 16)
	if math.floor(version_words / 16) ~= CM_VERSION or size > stop - start then return nil end
	return stop - size
end

-- What the checksum lacks: of a CM from `start` to `stop`, less what it says; the binding, if it holds.
local function deficit(t, start, stop)
	local sum = CM_SALT
	for at = start, stop - 8, 4 do sum = sum + t(at, 4):uint() end
	return (t(stop - 4, 4):uint() - sum) % 4294967296
end

local function identity(t, stop)
	return tostring(t(stop - CM_FIXED, 10):bytes())
end

-- The CM behind what lies from `start` to `stop` where the session's protocol has to be found out.
local function wrapped(t, start, stop, form)
	local from = cm_start(t, start, stop)
	if not from then return nil end
	local m = { form = form, start = from, stop = stop, segment = start }
	local length, want = from - start, deficit(t, from, stop)
	local known = session_protocol[identity(t, stop)]
	if length >= 20 and known ~= UDP and (length + t(start + 4, 4):uint()) % 4294967296 == want then
		m.good, m.protocol = true, TCP
	elseif length == want then
		m.good, m.protocol = true, length >= 8 and UDP or nil
	end
	return m
end

-- The same where the packet's own header, of `header` bytes, is the session's.
local function literal(t, p, start, stop, seq)
	local from = cm_start(t, start, stop)
	if not from then return nil end
	local length = p.payload - p.transport + from - start
	return { form = "literal", start = from, stop = stop, segment = p.transport, user = start,
		protocol = p.proto, good = deficit(t, from, stop) == (length + seq) % 4294967296 }
end

-- The CM at the end of the part of the packet from `start` to `stop`.
local function at_end(p, start, stop)
	local m, seq = nil, 0
	if p.at_wire_port then
		m = wrapped(p.t, start, stop, p.proto == UDP and "udp" or "fake-tcp")
		if m and m.good then return m end
	end
	if p.proto == TCP then seq = p.t(p.transport + 4, 4):uint() + start - p.payload end
	local l = literal(p.t, p, start, stop, seq)
	return l and l.good and l or m or l
end

-- All CMs at the ends of the packets that this one consists of.
local function tails(p)
	local t, found = p.t, {}
	local last = at_end(p, p.payload, p.user_end)
	if not last then return found end
	if last.good then return { last } end
	local size = p.user_end - p.payload
	local first = t:raw(p.payload, size):find(t:raw(p.user_end - CM_FIXED, 10), 1, true)
	local step = first and first - 1 + CM_FIXED or size
	if step < size then
		for start = p.payload, p.user_end - 1, step do
			local m = at_end(p, start, math.min(start + step, p.user_end))
			if m and m.good then found[#found + 1] = m end
		end
	end
	if #found == 0 and carries[p.connection] and session_protocol[identity(t, p.user_end)] then
		found[1] = last -- wrong, where one is to be expected
	end
	return found
end

-- The CM in an option of the packet, by its form: see cm_wire.h, "carriers".
local function in_option(p)
	local t, at, kind = p.t, nil, nil
	if p.proto == TCP then
		if p.payload - p.transport ~= 20 + CARRIER_LENGTH or p.payload ~= p.stop then return nil end
		at, kind = p.transport + 20, 254
	else
		local pad = (p.user_end - p.transport) % 2
		if p.stop - p.user_end ~= pad + 2 + CARRIER_LENGTH then return nil end
		at, kind = p.user_end + pad + 2, 127
	end
	if t(at, 1):uint() ~= kind or t(at + 2, 2):uint() ~= 0x4d50 then return nil end
	local length, seq = t(at + 1, 1):uint(), 0
	local hs = p.proto == TCP and length == CARRIER_HS_LENGTH
	if not hs and length ~= CARRIER_LENGTH then return nil end
	local stop = at + 4 + (hs and CM_FIXED or CARRIER_CM)
	local from = cm_start(t, at + 4, stop)
	if not from then return nil end
	if p.proto == TCP and not hs then seq = t(p.transport + 4, 4):uint() end
	local m = { start = from, stop = stop, protocol = not hs and p.proto or nil,
		good = deficit(t, from, stop) == seq }
	if hs then m.form = p.at_wire_port and "fake-tcp" or "literal" end
	return m
end

local function has(flags, flag)
	return math.floor(flags / flag) % 2 == 1
end

local function kind_of(p, m, flags)
	if has(flags, FLAG.HS) and p.proto == TCP then
		local tcp = p.t(p.transport + 13, 1):uint()
		return not has(tcp, 2) and "ACK" or has(tcp, 16) and "SYN-ACK" or "SYN"
	end
	if not m.segment then
		return has(flags, FLAG.ENABLE) and "query" or has(flags, FLAG.ENABLED) and "confirmation" or
			"keepalive"
	end
	return has(flags, FLAG.HB) and "heartbeat" or "data"
end

local parts = {
	[1] = { 5, function(tree, v)
		tree:add(f.hello_form, v(0, 1))
		tree:add(f.hello_port, v(1, 2))
		tree:add(f.hello_boot, v(3, 2))
	end },
	[2] = { nil, function(tree, v)
		tree:add(f.list_version, v(0, 1))
		for at = 1, v:len() - 4, 4 do tree:add(f.address, v(at, 4)) end
	end },
	[3] = { 1, function(tree, v) tree:add(f.list_ack, v) end },
	[4] = { 4, function(tree, v)
		tree:add(f.size_path, v(0, 2))
		tree:add(f.size, v(2, 2))
	end },
	[5] = { 1, function(tree, v) tree:add(f.scale, v) end },
}

local function show_extension(t, m, tree)
	local at, stop = m.start, m.stop - CM_FIXED
	if at == stop then return end
	local branch = tree:add(f.extension, t(at, stop - at))
	while at < stop do
		local kind = t(at, 1):uint()
		if kind == 0 then
			at = at + 1
		else
			local length = at + 2 <= stop and t(at + 1, 1):uint() or stop
			if length == 0 or at + 2 + length > stop then
				branch:add_proto_expert_info(e_part)
				return
			end
			local part, value = parts[kind], t(at + 2, length)
			if part and (part[1] == length or (kind == 2 and length % 4 == 1)) then
				part[2](branch, value)
			else
				branch:add(f.unknown, value)
			end
			at = at + 2 + length
		end
	end
end

-- The session's transport header and the length of its user data.
local function show_segment(t, m, tree)
	local length = m.start - (m.user or m.segment)
	local header = m.protocol == UDP and 8 or 20
	if m.user then
		tree:add(f.data, length):set_generated()
	elseif m.protocol and length >= header then
		local s = t(m.segment, length)
		local branch = tree:add(s(0, header), "Header of the session")
		branch:add(f.src, s(0, 2))
		branch:add(f.dst, s(2, 2))
		if m.protocol == TCP then
			header = 4 * math.floor(s(12, 1):uint() / 16)
			branch:add(f.seq, s(4, 4))
			branch:add(f.ack, s(8, 4))
		end
		tree:add(f.data, math.max(0, length - header)):set_generated()
	end
end

local function show(p, m, tree, pinfo)
	local t, c = p.t, m.stop - CM_FIXED
	local who, flags = identity(t, m.stop), t(c + 22, 1):uint()
	if m.good then
		carries[p.connection] = true
		session_protocol[who] = m.protocol or session_protocol[who] or true
	end
	if not m.protocol and type(session_protocol[who]) == "number" then
		m.protocol = session_protocol[who]
	end
	local kind = kind_of(p, m, flags)
	local text = string.format("MPIP %s%s, session %d, path %d", m.form and m.form .. " " or "", kind,
		t(c + 6, 4):uint(), t(c + 10, 2):uint())

	local branch = tree:add(mpip, t(m.start, m.stop - m.start))
	branch:append_text(string.format(", %s", text:sub(6)))
	if m.form then branch:add(f.wire_form, m.form):set_generated() end
	branch:add(f.kind, kind):set_generated()
	branch:add(f.node, t(c, 6))
	branch:add(f.session, t(c + 6, 4))
	branch:add(f.path, t(c + 10, 2))
	branch:add(f.feedback, t(c + 12, 2))
	branch:add(f.stamp, t(c + 14, 4)):append_text(" us")
	branch:add(f.delay, t(c + 18, 4)):append_text(" us")
	show_extension(t, m, branch)
	local bits = branch:add(f.flags, t(c + 22, 1))
	for _, bit in ipairs({ "enable", "enabled", "hb", "ip_change", "hs", "probe", "want", "leave" }) do
		bits:add(f[bit], t(c + 22, 1))
	end
	branch:add(f.version, t(c + 23, 1))
	branch:add(f.words, t(c + 23, 1))
	local sum = branch:add(f.checksum, t(c + 24, 4))
	branch:add(f.status, m.good and 1 or 0):set_generated()
	if not m.good then sum:add_proto_expert_info(e_bad) end
	if m.protocol then branch:add(f.protocol, m.protocol):set_generated() end
	if m.segment then show_segment(t, m, branch) end

	pinfo.cols.protocol = "MPIP"
	pinfo.cols.info:prepend(text .. " | ")
end

function mpip.dissector(t, pinfo, tree)
	for _, version in ipairs({ ip_version() }) do
		local ip = version.offset
		if ip + 20 > t:len() or t(ip + 9, 1):uint() == ICMP then return end -- it only quotes
		local p = view(t, ip)
		if p then
			local option = in_option(p)
			if option then
				show(p, option, tree, pinfo)
				return
			end
			for _, m in ipairs(tails(p)) do show(p, m, tree, pinfo) end
		end
	end
end

register_postdissector(mpip, true)
