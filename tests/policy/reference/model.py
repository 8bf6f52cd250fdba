# SPDX-License-Identifier: Apache-2.0
"""The decision about one action, written from the behaviour model (sections 2.3, 2.5, 3.2, 4.4, 5, 6, 7.1, 9.1)
without a look at the C code: plain dictionaries, sets and recursion, no tables, no tricks, no haste.

Where the behaviour model is silent, this is what both sides were told:

* a tie between patterns goes to the higher risk, then the longer pattern, then the smaller id; a tie between
  elements that say the same goes to the smaller id; environments: prod before pool;
* a name that no capability knows is std's capability of the place; exec.unknown is among the names of what lies
  in an unknown place; of a cut argv every pattern of the program counts, and exec.unknown;
* without a capability an action has risk HIGH and class other;
* an environment is covered from its min_tier and its class's tier (pool T2, prod T3) on, by an owner;
* `plan: bound` asks for T3; class other is allowed at T0;
* path_under of an allow rule: all paths, and there are some; of the others: one path is enough; with paths missing
  the first never matches and the others always do;
* a waiver is used when it makes the answer milder; it may also name `plan` and `check`;
* the request for an approval asks the guards at approval_create; a route permits roles and users.
"""
import ipaddress
import re

RISKS = ["LOW", "MEDIUM", "HIGH", "CRITICAL"]
STRICTNESS = {"allow": 0, "require_approval": 1, "deny": 2}
ABSENT = object()
STD_OF_KIND = {"read": "io.fs.read", "write": "io.fs.write", "delete": "io.fs.delete",
               "connect": "io.net.connect", "listen": "io.net.listen"}
OPERATION_OF_KIND = {"read": "READ", "write": "WRITE", "delete": "DELETE", "connect": "NETWORK",
                     "listen": "NETWORK"}
PHASES = ["BOOTSTRAP", "PREFLIGHT", "PLAN", "EXECUTE", "VERIFY", "PACKAGE", "REPORT", "EXIT", "REVOKED"]
ALL_CLASSES = {"other", "read", "check", "plan", "run", "apply", "destroy"}
PHASE_CLASSES = {"PLAN": {"read", "check", "plan", "other"}, "EXECUTE": ALL_CLASSES,
                 "VERIFY": {"read", "check", "other"}, "PACKAGE": {"read", "check", "other"},
                 "REPORT": {"read", "check", "other"}}
FIELD_TYPES = {
    "run.status": str, "run.phase": str, "run.task": str, "run.project": str, "run.started_at": "time",
    "run.tier": int, "agent.name": str, "agent.owner": str, "agent.tier": int, "agent.suspended": bool,
    "plan.id": str, "plan.status": str, "plan.policy_digest": str, "plan.approved_at": "time",
    "plan.confidence": int, "plan.steps": int, "request.risk": str, "request.class": str,
    "request.capability": str, "request.operation": str, "counters.errors": int, "counters.denied": int,
    "counters.violations": int, "children.count": int, "children.live": int, "stage.name": str,
    "stage.max_risk": str, "output.confidence": int, "output.maturity": str}
ONE = 1000000


def glob(pattern, text):
    """* is anything at all, ? one character."""
    parts = (".*" if c == "*" else "." if c == "?" else re.escape(c) for c in pattern)
    return re.fullmatch("".join(parts), text, re.DOTALL) is not None


def under(path, tops):
    return any(top == "/" or path == top or path.startswith(top + "/") for top in tops)


# ---- 5.2 -----------------------------------------------------------------------------------------

def read_words(argv, takes_value, clusters):
    """Options by name, letters of clusters, and the other arguments."""
    names, letters, others = set(), set(), []
    words = iter(argv[1:])
    for word in words:
        if word == "--":
            others += words
            break
        if not word.startswith("-") or word == "-":
            others.append(word)
            continue
        names.add(word)
        if "=" in word:
            names.update(word[:at] for at, c in enumerate(word) if c == "=")
        swallows = word in takes_value
        if clusters and word[1] != "-":
            body = word[1:].split("=")[0]
            for at, letter in enumerate(body):
                letters.add("-" + letter)
                if "-" + letter in takes_value:
                    swallows = swallows or at + 2 == len(word)
                    break
        if swallows:
            next(words, None)
    return names | letters, others


def has_pattern(line, options, others):
    wanted = [choice.split("|") for choice in line[1:]]
    firsts = [choice for choice in wanted if not choice[0].startswith("-")]
    if len(firsts) > len(others):
        return False
    return all(word in choice for choice, word in zip(firsts, others)) and \
        all(options & set(choice) for choice in wanted if choice[0].startswith("-"))


def matches_of_name(policy, name, action):
    """(risk, elements, id) of each pattern that fits."""
    for id_, capability in policy["capabilities"].items():
        options, others = read_words(action["argv"] or [""], capability["takes_value"], capability["clusters"])
        if not action["cut"] and options & set(capability["unless"]):
            continue
        for line in capability["exec"]:
            if name in line[0].split("|") and (action["cut"] or has_pattern(line, options, others)):
                yield RISKS.index(capability["risk"]), len(line) - 1, id_


def smallest_id(id_):
    return tuple(-b for b in id_.encode()) + (1,)


def classify(policy, action):
    if action["kind"] in STD_OF_KIND:
        return STD_OF_KIND[action["kind"]] if STD_OF_KIND[action["kind"]] in policy["capabilities"] else None
    if action["kind"] != "exec":
        return None

    def of_place(place):
        id_ = policy["std"][place]
        return [] if id_ is None else [(RISKS.index(policy["capabilities"][id_]["risk"]), 0, id_)]

    found = []
    for name in action["names"]:
        own = list(matches_of_name(policy, name, action))
        if action["cut"]:
            found += own or of_place(action["place"])
        elif own:
            found.append(max(own, key=lambda m: (m[1], m[0], smallest_id(m[2]))))
        else:
            found += of_place(action["place"])
    if action["cut"] or action["place"] == "unknown":
        found += of_place("unknown")
    elif not action["names"]:
        found += of_place(action["place"])
    return max(found, key=lambda m: (m[0], m[1], smallest_id(m[2])))[2] if found else None


# ---- 6 -------------------------------------------------------------------------------------------

class Question:
    """One policy, action and snapshot; what the steps know about them."""

    def __init__(self, policy, action, snapshot, now):
        self.policy, self.action, self.snapshot, self.now = policy, action, snapshot, now
        self.id = classify(policy, action)
        self.capability = policy["capabilities"].get(self.id)
        self.risk = self.capability["risk"] if self.capability else "HIGH"
        self.cls = self.capability["class"] if self.capability else "other"
        self.operation = self.capability["operation"] if self.capability else \
            OPERATION_OF_KIND.get(action["kind"], "EXECUTE")

    def field(self, name):
        s = self.snapshot
        if name.startswith("request."):
            if self.action["kind"] == "none":
                return ABSENT
            value = {"request.risk": self.risk, "request.class": self.cls,
                     "request.operation": self.operation, "request.capability": self.id}[name]
            return ABSENT if value is None else value
        known = {"run.phase": s["phase"], "run.tier": s["tier"] * ONE, "children.count": s["children"] * ONE,
                 "children.live": s["children_live"] * ONE,
                 "plan.status": ABSENT if s["plan_status"] == "NONE" else s["plan_status"]}
        return known[name] if name in known else s["fields"].get(name, ABSENT)

    def right(self, name):
        """The value when it is there and of its field's type, else ABSENT."""
        value, kind = self.field(name), FIELD_TYPES[name]
        if kind == "time":
            return value[1] if isinstance(value, tuple) else ABSENT
        return value if type(value) is kind else ABSENT  # pylint: disable=unidiomatic-typecheck

    def condition(self, condition):
        name, compare, wanted = condition
        if compare == "not_exists":
            return self.field(name) is ABSENT
        value = self.right(name)
        if value is ABSENT:
            return False
        if wanted == "${policy_digest}":
            wanted = "sha256:" + self.snapshot["policy_digest"]
        return {"eq": lambda: value == wanted, "ne": lambda: value != wanted,
                "gt": lambda: value > wanted, "ge": lambda: value >= wanted,
                "lt": lambda: value < wanted, "le": lambda: value <= wanted,
                "contains": lambda: wanted in value, "not_contains": lambda: wanted not in value,
                "exists": lambda: True, "in": lambda: value in wanted,
                "glob": lambda: glob(wanted, value)}[compare]()

    def known_run(self):
        return bool(self.right("run.status") is not ABSENT and self.right("run.status")) and \
            "token" not in self.snapshot["gates"]

    def targets(self, guard):
        value = self.right(guard["field"])
        if value is ABSENT:
            return []
        return guard["routes"].get(value, guard["usual"])

    def holds(self, id_):
        g, s = self.policy["guards"][id_], self.snapshot
        if g["type"] == "pass_thru":
            name = self.right("agent.name")
            return self.known_run() and name is not ABSENT and name != ""
        if g["type"] == "cerberus":
            return self.known_run() and "lease" not in s["gates"] and s["children_live"] == 0 and \
                set(s["children_status"]) <= set(g["accept"]) and g["min"] <= s["children"] <= g["max"] and \
                s["point_age"] <= g["ns"]
        if g["type"] == "criteria":
            answers = [self.condition(c) for c in g["conditions"]]
            return all(answers) if g["logic"] == "all" else any(answers)
        if g["type"] == "route":
            return bool(self.targets(g))
        if g["type"] == "ttl":
            at = self.right(g["field"])
            return at is not ABSENT and 0 <= self.now - at <= g["ns"]
        answers = [self.holds(part) for part in g["parts"]]
        return {"all": all(answers), "any": any(answers), "not": not any(answers)}[g["logic"]]

    def asked(self, point, phase=None):
        ids = {id_ for id_, g in self.policy["guards"].items()
               if g["point"] == point and (not point.startswith("phase_") or g["phase"] == phase)}
        if point == "phase_exit" and self.policy["exit_guards"].get(phase):
            ids.add(self.policy["exit_guards"][phase])
        return ids


# ---- 5.3 -----------------------------------------------------------------------------------------

def answer(verdict, step, rule=None, blocked=None, **more):
    return {"verdict": verdict, "step": step, "rule": rule, "violation": None, "on_fail": "deny",
            "blocked": blocked or {"allow": "NONE", "require_approval": "APPROVAL_REQUIRED",
                                   "deny": "POLICY_DENY"}[verdict],
            "rules": set(), "asked": set(), "false": set(), "grant": 0, "floor": None, **more}


def gates(q):
    s = q.snapshot
    for gate, rule, blocked, violation in (
            ("kill_switch", "gate.kill_switch", "KILL_SWITCH", None),
            ("not_running", "gate.status", "PHASE", None),
            ("lease", "gate.lease", "LEASE", "LOCK_EXPIRED"),
            ("breaker", "gate.breaker", "BREAKER", None),
            ("budget", "gate.budget", "BUDGET",
             "ERROR_BUDGET_EXCEEDED" if q.policy["budget_violates"] else None),
            ("health", "gate.health", "HEALTH", None)):
        if gate in s["gates"]:
            return answer("deny", "gate", rule, blocked, violation=violation)
    return None


def phase_gate(q):
    s, enforce = q.snapshot, q.policy["enforce"]
    if enforce == "off" or (enforce == "auto" and not s["reported"]) or \
            q.cls in PHASE_CLASSES.get(s["phase"], set()):
        return None
    return answer("deny", "gate", "phases." + s["phase"], "PHASE", violation="PROCEDURE_VIOLATION")


def tier_allows(q):
    tier = q.snapshot["tier"]
    if q.cls in ("read", "check", "plan", "other"):
        return True
    if q.cls == "run":
        return tier >= 1
    return tier >= (3 if q.capability["plan"] == "bound" else 2)


def environments(q, waived):
    """The strictest environment that the run's tier or its owner does not cover."""
    uncovered = []
    for id_ in q.action["environments"]:
        e, tier = q.policy["environments"][id_], q.snapshot["tier"]
        enough = tier >= max(e["min_tier"], 3 if e["class"] == "prod" else 2)
        owned = not e["owners"] or any(glob(o, q.action["principal"]) for o in e["owners"])
        if id_ != waived and not (enough and owned):
            uncovered.append((["ask", "deny", "violate"].index(e["on"]), e["class"] == "prod",
                              smallest_id(id_), id_, enough))
    if not uncovered:
        return None
    on, prod, _, id_, enough = max(uncovered)
    if on == 0:
        return answer("require_approval", "environment", id_)
    return answer("deny", "environment", id_, "POLICY_DENY" if enough else "TIER",
                  violation=("UNAUTHORIZED_PROD" if prod else "UNAUTHORIZED_POOL") if on == 2 else None)


def plan_and_check(q, waived):
    s = q.snapshot
    if q.cls in ("apply", "destroy") and q.capability["plan"] != "none" and waived != "plan":
        good = {"required": {"inputs_differ", "argv", "bound"}, "bound": {"bound"}}[q.capability["plan"]]
        if s["plan_status"] not in ("APPROVED", "ACTIVE") or s["plan_cover"] not in good:
            return answer("deny", "plan", "plan", violation="APPLY_WITHOUT_PLAN")
    if q.cls == "run" and q.capability["check"] and waived != "check":
        if s["check"] != "ok" or s["check_age"] > q.capability["check_ttl"]:
            return answer("deny", "plan", "check", violation="RUN_WITHOUT_CHECK")
    return None


def when_holds(q, rule, options):
    w, a = rule["when"], q.action
    if not w:
        return False
    tests = {
        "any": lambda _: True,
        "class": lambda v: q.cls in v, "risk": lambda v: q.risk in v, "operation": lambda v: q.operation in v,
        "environment": lambda v: bool(set(v) & set(a["environments"])),
        "phase": lambda v: q.snapshot["phase"] in v, "capability": lambda v: q.id in v,
        "principal": lambda v: any(glob(p, a["principal"]) for p in v), "exe": lambda v: a["exe"] in v,
        "option": lambda v: bool(options & set(v)),
        "path_under": lambda v: (bool(a["paths"]) and not a["paths_cut"] and all(under(p, v) for p in a["paths"]))
        if rule["verdict"] == "allow" else a["paths_cut"] or any(under(p, v) for p in a["paths"])}
    return all(tests[key](value) for key, value in w.items())


def rules(q, waived):
    options = set()
    if q.action["kind"] == "exec":
        c = q.capability or {"takes_value": [], "clusters": False}
        options = read_words(q.action["argv"] or [""], c["takes_value"], c["clusters"])[0]
    alone = {id_ for id_, r in q.policy["rules"].items() if id_ != waived and when_holds(q, r, options)}
    matching = {id_: q.policy["rules"][id_] for id_ in alone
                if not alone & set(q.policy["rules"][id_]["unless"])}
    if q.capability and q.capability["frozen"]:
        return answer("deny", "rules", q.id, rules=set(matching))
    if not matching:
        return answer("deny", "rules", "default")

    def strictness(item):
        return STRICTNESS[item[1]["verdict"]], item[1]["violate"], smallest_id(item[0])
    id_, rule = max(matching.items(), key=strictness)
    result = answer(rule["verdict"], "rules", id_, rules=set(matching),
                    violation="FORBIDDEN_ACTION" if rule["verdict"] == "deny" and rule["violate"] else None)
    accepted = any(r["accepts"] and RISKS.index(r["accepts"]) >= RISKS.index(q.risk)
                   for r in matching.values())
    asks = RISKS.index(q.risk) >= 2 or (q.capability and q.capability["asks"])
    result["escalates"] = rule["verdict"] == "allow" and asks and not accepted
    return result


def guards(q, result, ids, waived):
    """All are asked; a false one denies, and one that violates gives the denial its name."""
    ids = ids - {waived}
    false = {id_ for id_ in ids if not q.holds(id_)}
    result["asked"], result["false"] = result["asked"] | ids, result["false"] | false
    if not false:
        return result
    order = ["wait", "deny", "cancel_children", "violate"]
    name = max(false, key=lambda g: (order.index(q.policy["guards"][g]["on_fail"]), smallest_id(g)))
    on_fail = q.policy["guards"][name]["on_fail"]
    result["on_fail"] = on_fail
    if result["verdict"] != "deny" or on_fail == "violate":
        result.update(verdict="deny", step="guard", rule=name, blocked="GUARD_DENY",
                      violation="PROCEDURE_VIOLATION" if on_fail == "violate" else None)
    return result


def live_grant(q):
    zero = "00" * 32
    live = [g["id"] for g in q.snapshot["grants"]
            if g["kind"] in ("approval", "plan_step") and g["uses"] > 0 and g["expires"] > q.now and
            g["digest"] == q.action["digest"] != zero and
            (g["kind"] == "approval" or RISKS.index(q.risk) <= min(g["max_risk"], 2))]
    return min(live, default=0)


def consent(q, result, waived, soft):
    """Steps 8: a grant, or the answer to the question, or the question."""
    if result["verdict"] != "require_approval":
        return result
    grant = live_grant(q)
    if grant:
        result.update(verdict="allow", step="grant", blocked="NONE", grant=grant)
        return result
    given = q.snapshot["answer"]
    if given != "none":
        result.update(verdict="deny", blocked={"rejected": "APPROVAL_REJECTED", "expired": "APPROVAL_EXPIRED",
                                               "nobody": "APPROVAL_REQUIRED"}[given])
        return result
    return guards(q, result, q.asked("approval_create"), waived) if soft else result


def evaluate(q, waived, soft):
    """`soft`: with what a permissive policy only records."""
    if "self" in q.snapshot["gates"]:
        return answer("deny", "invariant", "invariant")
    stopped = gates(q) or (phase_gate(q) if soft else None)
    if stopped:
        return stopped
    if not tier_allows(q):
        return answer("deny", "tier", f"tier.T{q.snapshot['tier']}", "TIER")
    floor = environments(q, waived)
    if floor and floor["verdict"] == "deny":
        return floor
    if not soft:
        return consent(q, floor or answer("allow", "rules", "mode"), waived, soft)
    stopped = plan_and_check(q, waived)
    if stopped:
        return stopped
    result = rules(q, waived)
    if result["verdict"] == "allow" and floor:
        result.update(verdict="require_approval", step="environment", rule=floor["rule"],
                      blocked="APPROVAL_REQUIRED")
    elif result.get("escalates"):
        result.update(verdict="require_approval", step="risk", blocked="APPROVAL_REQUIRED")
    return consent(q, guards(q, result, q.asked("action"), waived), waived, soft)


def transition(q, waived):
    if q.action["transition"] not in q.policy["high_risk"]:
        return answer("allow", "rules", "high_risk_transitions")
    return consent(q, answer("require_approval", "rules", "high_risk_transitions"), waived, True)


def in_force(q, waived, point, phase):
    if point != "action":
        full = guards(q, answer("allow", "guard"), q.asked(point, phase), waived)
        hard = answer("allow", "guard")
    elif q.action["kind"] == "transition":
        full = hard = transition(q, waived)
    else:
        full = evaluate(q, waived, True)
        hard = evaluate(q, waived, False) if q.snapshot["mode"] != "enforce" else None
    full["would"], full["would_raise"] = full["verdict"], full["violation"]
    if q.snapshot["mode"] == "enforce" or full["verdict"] == "allow" or full is hard:
        return full
    if hard["verdict"] != "allow":
        hard["would"], hard["would_raise"] = full["would"], full["would_raise"]
        return hard
    full.update(verdict="allow", violation=None, grant=hard["grant"])
    return full


def judge(policy, action, snapshot, now, point="action", phase=None):
    q = Question(policy, action, snapshot, now)
    best = in_force(q, None, point, phase)
    best["waiver"] = 0
    for waiver in sorted((g for g in snapshot["grants"] if g["kind"] == "waiver"), key=lambda g: g["id"]):
        zero = "00" * 32
        if waiver["uses"] == 0 or waiver["expires"] <= now or \
                waiver["digest"] not in (zero, action["digest"]):
            continue
        other = in_force(q, waiver["rule"], point, phase)
        if STRICTNESS[other["verdict"]] < STRICTNESS[best["verdict"]]:
            best = {**other, "waiver": waiver["id"]}
    best.update(capability=q.id, risk=q.risk, cls=q.cls, operation=q.operation,
                loop=best["verdict"] == "deny" and snapshot["same_denied"] >= 4)
    return best


def entry_covers(entry, action):
    """10.0.0.0/8:443, 10.1.2.3, a.example.com, *.example.com:443."""
    host, _, port = entry.partition(":")
    if port and int(port) != action["port"]:
        return False
    if re.fullmatch(r"[0-9./]+", host):
        return ipaddress.ip_address(action["addr"]) in ipaddress.ip_network(host)
    return action["host"].endswith(host[1:]) if host.startswith("*.") else action["host"] == host


def environments_of(policy, action, variables):
    found = set()
    for id_, e in policy["environments"].items():
        named = [tuple(v.split("=", 1)) for v in e["env"]]
        if (action["kind"] == "connect" and any(entry_covers(n, action) for n in e["nets"])) or \
                any(under(p, e["paths"]) for p in action["paths"] + [action["exe"]]) or \
                any(v.split("=", 1)[0] == name and glob(pattern, v.split("=", 1)[1])
                    for v in variables for name, pattern in named):
            found.add(id_)
    return found


# ---- 5.5 -----------------------------------------------------------------------------------------

ROLES = ["none", "viewer", "operator", "admin"]


def need(policy, snapshot, risk):
    """The row of `approvals` in force."""
    row = {"role": "admin", "count": 1, "uses": 1, "self": False, "of": []}
    for level in RISKS[RISKS.index(risk):]:
        if policy["approvals"][level]["role"] != "none":
            row = dict(policy["approvals"][level])
            break
    least = "admin" if risk == "CRITICAL" else "operator"
    row["role"] = max(row["role"], least, key=ROLES.index)
    if risk == "CRITICAL" and snapshot["tier"] >= 3:
        row["count"] = max(2, row["count"])
    if risk == "CRITICAL" or row["count"] > 1:
        row["self"] = False
    return row


def may_answer(policy, action, snapshot, now, user, role, caller):
    q = Question(policy, action, snapshot, now)
    row = need(policy, snapshot, q.risk)
    if not user.startswith("user:") or ROLES.index(role) < ROLES.index(row["role"]) or \
            (caller and not row["self"]) or (row["of"] and user not in row["of"]):
        return False
    for id_ in q.asked("approval_create"):
        guard = policy["guards"][id_]
        if guard["type"] == "route" and not any(
                target == user or (target[:5] == "role:" and target[5:] in ROLES[1:] and
                                   ROLES.index(role) >= ROLES.index(target[5:]))
                for target in q.targets(guard)):
            return False
    return True
