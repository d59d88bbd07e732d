#!/usr/bin/env python3
"""Writes Fixtures/privacy/cases.txt: sentences with labelled personal data and with what only looks like it.

One sentence a line. A labelled piece stands as ⟦kind|value⟧; ⟦-|value⟧ is a look-alike that must stay. Inside values a
broken bar is dropped by the reader: it keeps tools that search repositories for secrets from taking made-up keys for
real ones. Every value is drawn at random and gets its check digits from the definition of its kind.
"""

import hashlib
import json
import pathlib
import random
import string

SEED = 20261
PER_KIND = 78
ROOT = pathlib.Path(__file__).resolve().parents[1]
draw = random.Random(SEED)
pick = draw.choice


def digits(count, first="0123456789"):
    return pick(first) + "".join(pick("0123456789") for _ in range(count - 1))


def letters(count, alphabet):
    return "".join(pick(alphabet) for _ in range(count))


def mixed(count, alphabet=string.ascii_letters + string.digits):
    while True:
        text = letters(count, alphabet)
        if any(c.isdigit() for c in text) and any(c.isalpha() for c in text) and len(set(text)) >= min(8, count // 2):
            return text


def date(low=1950, high=2010):
    return draw.randint(low, high), draw.randint(1, 12), draw.randint(1, 28)


# --- values by definition -------------------------------------------------------------------------------------------

def email():
    names = ["li.wei", "zhang_san", "j.doe", "maria-lopez", "o'brien", "support", "wang2003", "a", "first.last+news",
             "x1y2z3", "contact", "hans.mueller", "10086abc", "team-lead", "no_reply9"]
    hosts = ["example.com", "mail.example.org", "163.com", "qq.com", "foxmail.com", "uni-bonn.de", "corp.co.uk",
             "sub.dept.school.edu.cn", "my-host.io", "gmail.com", "126.com", "city.gov.au", "startup.dev", "xn--fiq.cn"]
    if draw.random() < 0.3:
        return f"{digits(draw.randint(6, 10), '123456789')}@qq.com"
    return f"{pick(names)}@{pick(hosts)}"


def mobile():
    number = "1" + pick("3456789") + digits(9)
    shape = draw.randrange(8)
    if shape < 3:
        return number
    if shape == 3:
        return f"{number[:3]}-{number[3:7]}-{number[7:]}"
    if shape == 4:
        return f"{number[:3]} {number[3:7]} {number[7:]}"
    prefix = pick(["+86 ", "+86-", "+86", "86-", "0086 "])
    return prefix + (number if draw.random() < 0.6 else f"{number[:3]} {number[3:7]} {number[7:]}")


def landline():
    area = pick(["010", "021", "020", "025", "028", "0755", "0571", "0512", "0431", "0898", "0991"])
    local = digits(8 if len(area) == 3 or draw.random() < 0.4 else 7, "2345678")
    shape = draw.randrange(4)
    if shape == 0:
        return f"({area}){local}"
    if shape == 1:
        return f"{area}-{local}-{digits(3, '123456789')}"
    if shape == 2:
        return f"{area} {local}"
    return f"{area}-{local}"


def american():
    area, exchange, line = digits(3, "23456789"), digits(3, "23456789"), digits(4)
    if area[1:] == "11":
        area = "415"
    shape = draw.randrange(6)
    return [f"({area}) {exchange}-{line}", f"{area}-{exchange}-{line}", f"{area}.{exchange}.{line}",
            f"+1 {area}-{exchange}-{line}", f"1-{area}-{exchange}-{line}", f"+1{area}{exchange}{line}"][shape]


def international():
    return pick([
        lambda: f"+44 20 {digits(4, '378')} {digits(4)}", lambda: f"+44 7{digits(3)} {digits(6)}",
        lambda: f"+49 30 {digits(7, '123456789')}", lambda: f"+33 {pick('16')} {digits(2)} {digits(2)} {digits(2)} {digits(2)}",
        lambda: f"+81-3-{digits(4, '3456')}-{digits(4)}", lambda: f"+852 {digits(4, '2359')} {digits(4)}",
        lambda: f"+886 2 {digits(4, '28')} {digits(4)}", lambda: f"+65 {digits(4, '689')} {digits(4)}",
        lambda: f"+61 4{digits(2)} {digits(3)} {digits(3)}", lambda: f"+91 {digits(5, '6789')} {digits(5)}",
        lambda: f"+39 06 {digits(8, '123456789')}", lambda: f"+7 9{digits(2)} {digits(3)}-{digits(2)}-{digits(2)}",
        lambda: f"+44 (0)20 {digits(4, '378')} {digits(4)}", lambda: f"+353 1 {digits(3, '24678')} {digits(4)}",
        lambda: f"+55 11 9{digits(4)}-{digits(4)}", lambda: f"+971 50 {digits(3)} {digits(4)}",
    ])()


REGIONS = ["110101", "310115", "440305", "330106", "510104", "420111", "650102", "230103", "370202", "610113", "810000"]


def identity():
    year, month, day = date(1940, 2015)
    if draw.random() < 0.2:
        return f"{pick(REGIONS)}{year % 100:02}{month:02}{day:02}{digits(3)}"
    body = f"{pick(REGIONS)}{year}{month:02}{day:02}{digits(3)}"
    total = sum(int(c) * (2 ** (17 - i) % 11) for i, c in enumerate(body))
    check = "10X98765432"[total % 11]
    return body + (check if draw.random() < 0.8 else check.lower())


def luhn(body):
    total = 0
    for i, c in enumerate(reversed(body)):
        value = int(c) * (2 if i % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return body + str(-total % 10)


def card():
    prefix, length = pick([("4", 16), ("51", 16), ("5425", 16), ("2223", 16), ("34", 15), ("37", 15), ("6011", 16), ("35", 16),
                           ("622202", 19), ("621700", 19), ("622848", 19), ("625", 16), ("36", 14), ("6228", 17)])
    if prefix == "35":
        prefix = "3530"
    number = luhn(prefix + digits(length - len(prefix) - 1))
    sign = pick(["", "", " ", "-"])
    if not sign:
        return number
    if length == 15:
        return sign.join([number[:4], number[4:10], number[10:]])
    if length == 14:
        return sign.join([number[:4], number[4:10], number[10:]])
    return sign.join(number[i : i + 4] for i in range(0, length, 4))


def ip():
    if draw.random() < 0.35:
        groups = [f"{draw.randrange(65536):x}" for _ in range(8)]
        groups[0] = pick(["2001", "2404", "fe80", "fd12", "2a00"])
        groups[3] = groups[3] + "" if any(c.isdigit() for c in "".join(groups)) else "1"
        return pick([":".join(groups), f"{groups[0]}::{groups[5][:3]}1", f"{groups[0]}:db8:{groups[2]}::{groups[7]}"])
    return pick([
        lambda: f"{draw.randint(32, 223)}.{draw.randrange(256)}.{draw.randrange(256)}.{draw.randint(1, 254)}",
        lambda: f"192.168.{draw.randrange(256)}.{draw.randint(1, 254)}", lambda: f"10.{draw.randrange(256)}.{draw.randint(40, 255)}.{draw.randint(1, 254)}",
        lambda: f"172.{draw.randint(16, 31)}.{draw.randint(40, 255)}.{draw.randint(1, 254)}",
    ])().replace("127.", "128.", 1)


def mac():
    pairs = [f"{draw.randrange(256):02x}" for _ in range(6)]
    pairs[draw.randrange(6)] = pick(["ab", "c3", "fe", "0d"])
    text = pick([":".join(pairs), "-".join(pairs), ".".join("".join(pairs[i : i + 2]) for i in (0, 2, 4))])
    return text.upper() if draw.random() < 0.5 else text


def iban():
    country, length, bank = pick([("DE", 22, ""), ("GB", 22, "NWBK"), ("FR", 27, ""), ("NL", 18, "ABNA"), ("ES", 24, ""), ("CH", 21, ""), ("PL", 28, "")])
    body = bank + digits(length - 4 - len(bank))
    number = "".join(str(int(c, 36)) for c in body + country + "00")
    text = f"{country}{98 - int(number) % 97:02}{body}"
    return " ".join(text[i : i + 4] for i in range(0, length, 4)) if draw.random() < 0.5 else text


def social():
    area = draw.choice([n for n in range(1, 900) if n != 666])
    return f"{area:03}-{draw.randint(1, 99):02}-{draw.randint(1, 9999):04}"


def key():
    upper, word = string.ascii_uppercase + string.digits, string.ascii_letters + string.digits
    url = word + "-_"
    return pick([
        lambda: "AKIA¦" + mixed(16, upper), lambda: "ghp_¦" + mixed(36), lambda: "sk-¦" + mixed(48), lambda: "sk-proj-¦" + mixed(64),
        lambda: f"xoxb-¦{digits(12)}-{digits(12)}-{mixed(24)}", lambda: "AIza¦" + mixed(35), lambda: "hf_¦" + mixed(34),
        lambda: "glpat-¦" + mixed(20), lambda: "npm_¦" + mixed(36), lambda: "LTAI¦" + mixed(20),
        lambda: f"eyJ¦{mixed(30, url).strip('-')}a.eyJ{mixed(60, url).strip('-')}b.{mixed(43, url).strip('-')}c",
        lambda: "github_pat_¦" + mixed(22) + "_" + mixed(59), lambda: "sk_live_¦" + mixed(24),
    ])()


def password():
    return pick([lambda: mixed(12), lambda: mixed(8) + pick("!@#%") + digits(2), lambda: "Tr0ub4" + mixed(6), lambda: mixed(24),
                 lambda: pick(["summer", "dragon", "woaini"]) + digits(4) + pick(["!", "", "@"]), lambda: mixed(32, "0123456789abcdef")])()


def passport():
    return pick([lambda: "E" + digits(8), lambda: "G" + digits(8), lambda: "EA" + digits(7), lambda: "C" + digits(8)])()


def credit():
    alphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY"
    body = "91" + pick(REGIONS[:10]) + letters(9, "0123456789ABCDEFGH")
    total, weight = 0, 1
    for c in body:
        total += alphabet.index(c) * weight
        weight = weight * 3 % 31
    return body + alphabet[(31 - total % 31) % 31]


MONTHS = "January February March April May June July August September October November December".split()


def birth():
    y, m, d = date()
    return pick([f"{y}-{m:02}-{d:02}", f"{y}/{m}/{d}", f"{MONTHS[m - 1]} {d}, {y}", f"{d} {MONTHS[m - 1]} {y}", f"{d:02}/{m:02}/{y}"])


def birth_zh():
    y, m, d = date()
    return pick([f"{y}年{m}月{d}日", f"{y}-{m:02}-{d:02}", f"{y}/{m}/{d}", f"{y}.{m:02}.{d:02}"])


def plate():
    body = digits(1) + letters(4, "ABCDEFGHJKLMNPQRSTUVWXYZ0123456789")
    if draw.random() < 0.3:
        body = pick("DF") + digits(5)
    return pick("京沪粤浙苏川鲁") + pick("ABCDEFGH") + pick(["", "·"]) + body


# --- sentences ------------------------------------------------------------------------------------------------------

TRUE = {
    "email": (email, [
        "Write to {} before Friday.", "Contact: {}", "My address is {}, thanks!", "<{}> wrote:", "cc {}; bcc nobody", "mailto:{}",
        "请发邮件到{}，谢谢。", "邮箱：{}", "联系人王先生（{}）", "简历投递{}或电话联系", "有事请联系{}。", "From: \"Ann\" <{}>", "he said {}.",
    ]),
    "phone": (lambda: pick([mobile, mobile, landline, american, international])(), [
        "Call me at {} after six.", "Tel: {}", "You can reach Ann on {}.", "Phone {} (office)", "My number's {}, ok?", "WhatsApp: {}",
        "fax {}", "请拨打{}咨询。", "电话：{}", "我的手机号是{}，微信同号", "联系方式 {} 李女士", "有意者请致电{}。", "收件人：张三，{}，北京市海淀区",
        "“{}”是他的号码", "客服热线{}", "{} 王经理",
    ]),
    "identity_card": (identity, [
        "身份证号：{}", "他的身份证号码是{}。", "证件号码{}，姓名张伟", "ID card {} was used", "持{}号身份证", "居民身份证（{}）", "Applicant's national ID: {}.",
        "身份证{}，已核验", "{}",
    ]),
    "bank_card": (card, [
        "Card number: {}", "Please charge {} for the stay.", "卡号：{}", "请转账到{}（工商银行）", "my visa {} expires soon", "银行卡{}已挂失",
        "付款账号 {}。", "paid with {}", "尾款打到{}就行", "{}, 09/28, Ann Smith",
    ]),
    "ip_address": (ip, [
        "The server at {} is down.", "ping {}", "Login from {} at noon", "Blocked {} again", "服务器地址：{}", "来自{}的请求", "网关是{}，请检查", "ssh root@host # {}",
        "Accepted password for admin from {} port 22", "登录IP为{}",
    ]),
    "mac_address": (mac, [
        "MAC {}", "hardware address {} on eth0", "设备的物理地址是{}", "ether {} txqueuelen 1000", "the router ({}) restarted", "网卡{}未连接", "bssid={}",
    ]),
    "iban": (iban, [
        "IBAN: {}", "Please transfer to {} by Monday.", "账户 {}", "Konto {} bei der Bank", "汇款至{}。", "account ({})", "Our bank details are {}",
    ]),
    "social_security": (social, [
        "SSN: {}", "Her social security number is {}.", "ssn {} on file", "社会安全号 {}", "Employee {} was hired", "taxpayer ({})", "He wrote down {} on the form",
    ]),
    "api_key": (key, [
        "export KEY={}", "Authorization: Bearer {}", "the key {} was leaked", "key: \"{}\"", "密钥泄露：{}", "use {} for tests", "curl -H 'X-Key: {}'", "我的key是{}，别外传",
    ]),
    "secret": (password, [
        "password = \"{}\"", "password: {}", "DB_PASSWORD={}", "pwd={};", "密码：{}", "登录密码是{}，请勿外传", "secret_key: '{}'", "\"api_key\": \"{}\",", "auth_token = {}",
        "the password is {}", "口令：{}", "client_secret={}",
    ]),
    "passport": (passport, ["Passport No. {}", "passport number: {}", "护照号码：{}", "持中国护照{}入境", "his passport {} expired", "護照 {}"]),
    "credit_code": (credit, ["统一社会信用代码：{}", "信用代码{}", "公司（{}）成立", "credit code {} (China)", "{} 某某科技有限公司", "税号 {}"]),
    "birth_date": (birth, ["Date of birth: {}", "She was born on {} in Leeds.", "DOB {}", "Birthday: {}", "born {} near Paris"]),
    "birth_date/zh": (birth_zh, ["出生日期：{}", "生于{}，山东人", "他的生日是{}。", "出生年月：{}"]),
    "licence_plate": (plate, ["车牌号{}", "一辆{}的轿车", "停车场的{}请挪车", "plate {} was seen", "车牌：{}，白色", "{}违章"]),
}


def isbn():
    body = "978" + digits(9)
    total = sum(int(c) * (3 if i % 2 else 1) for i, c in enumerate(body))
    number = body + str(-total % 10)
    return pick([number, f"978-{number[3]}-{number[4:7]}-{number[7:12]}-{number[12]}"])


def broken(make, place=-1):
    """A value whose check digit is wrong."""
    text = make()
    spots = [i for i, c in enumerate(text) if c.isdigit()]
    spot = spots[place]
    return text[:spot] + str((int(text[spot]) + draw.randint(1, 8)) % 10) + text[spot + 1 :]


def long_identity():
    text = identity()
    while len(text) != 18 or not text.isdigit():
        text = identity()
    return text


LOOKALIKES = [
    (lambda: digits(draw.randint(10, 12), "123456789"), ["Order {} has shipped.", "订单号：{}", "order no. {}", "快递单号{}已签收", "Invoice {}", "ticket {}", "tracking number {}", "流水号{}"]),
    (lambda: "1" + pick("3578") + digits(9), ["订单编号{}", "order number {}", "单号 {}，请查收", "serial {}", "学号：{}"]),
    (lambda: f"{digits(draw.randint(1, 3), '123456789')},{digits(3)},{digits(3)}.{digits(2)}", ["It costs ${} in all.", "总价￥{}", "revenue of {} dollars", "合计{}元"]),
    (lambda: digits(draw.randint(7, 11), "123456789"), ["共{}元", "人口{}人", "销量达{}件", "¥{}", "${}", "距离{}米", "约{}年前"]),
    (lambda: f"{draw.randint(1, 99)}.{digits(2)}", ["only ${} today", "价格{}元", "pi is about {}", "上涨{}%"]),
    (isbn, ["ISBN {}", "ISBN：{}", "书号{}", "see {} (hardback)"]),
    (lambda: f"{draw.randint(0, 12)}.{draw.randint(0, 30)}.{draw.randint(0, 20)}.{draw.randint(0, 31)}", ["Version {} is out.", "v{}", "release {}", "版本{}更新", "upgrade to build {}", "firmware {}", "version: {}"]),
    (lambda: f"{draw.randint(0, 20)}.{draw.randint(0, 30)}.{draw.randint(0, 2000)}", ["numpy {} or later", "版本 {}", "requires foo=={}", "swift-{}-RELEASE"]),
    (lambda: str(draw.randint(1_500_000_000, 1_800_000_000)), ["at unix time {}", "timestamp={}", "时间戳{}", "ts: {}"]),
    (lambda: str(draw.randint(1_500_000_000_000, 1_800_000_000_000)), ["created_at: {}", "t={}", "毫秒时间戳 {}"]),
    (lambda: f"{draw.randint(2000, 2026)}{draw.randint(1, 12):02}{draw.randint(1, 28):02}{digits(6)}", ["backup-{}.tar", "文件{}已生成", "run {}"]),
    (lambda: f"{draw.randint(1900, 2026)}-{draw.randint(1, 12):02}-{draw.randint(1, 28):02} {draw.randint(0, 23):02}:{digits(1, '012345')}{digits(1)}:{digits(1, '012345')}{digits(1)}", ["logged {}", "更新于{}", "[{}] ok"]),
    (lambda: f"{draw.randint(1800, 1990)}-{draw.randint(1991, 2026)}", ["the years {} saw growth", "{}年间", "({})"]),
    (lambda: f"{draw.randint(100, 9999)} + {draw.randint(100, 9999)} = {draw.randint(200, 20000)}", ["{}", "so {} holds", "因为{}，所以"]),
    (lambda: f"{digits(1, '3')}.{digits(15)}", ["π = {}", "constant {}", "值为{}"]),
    (lambda: "#" + letters(6, "0123456789abcdef"), ["color: {};", "背景色{}", "use {} for links"]),
    (lambda: f"{letters(8, '0123456789abcdef')}-{letters(4, '0123456789abcdef')}-4{letters(3, '0123456789abcdef')}-a{letters(3, '0123456789abcdef')}-{letters(12, '0123456789abcdef')}", ["id {}", "uuid={}", "设备标识 {}", "request {} failed"]),
    (lambda: letters(40, "0123456789abcdef"), ["commit {}", "sha1 {}", "提交{}"]),
    (lambda: pick(["get_user_1234567", "var10987654321", "MAX_INT_2147483647", "x86_64", "user13800001111x", "std::vector", "a::b", "Foo::bar2", "utf8mb4_0900", "int64_t", "node_13912345678_a"]), ["call {} here", "the symbol {}", "函数{}返回", "`{}`"]),
    (lambda: pick(["1. e4 e5 2. Nf3 Nc6 3. Bb5 a6", "12. Qxd5+ Kh8", "1-0", "0-1", "23. Rxe8#"]), ["The game went {}.", "棋谱：{}", "{} and white won"]),
    (lambda: f"{draw.randint(0, 130)}-{draw.randint(0, 130)}", ["They won {} at home.", "以{}取胜", "final score {}", "比分{}"]),
    (lambda: f"{draw.randint(0, 23):02}:{digits(1, '012345')}{digits(1)}:{digits(1, '012345')}{digits(1)}", ["at {} sharp", "时间{}", "duration {}"]),
    (lambda: broken(long_identity), ["编号{}", "no {} found", "样本{}", "号码{}无效"]),
    (lambda: broken(lambda: luhn("4" + digits(14))), ["code {}", "number {} is wrong", "编码{}"]),
    (lambda: broken(lambda: luhn("6222" + digits(14))), ["流水{}", "凭证{}"]),
    (lambda: broken(lambda: iban().replace(" ", "")), ["reference {}", "串号{}"]),
    (lambda: pick(["@alice", "@张三", "@user_2020", "#tag2024", "user@localhost", "a@b", "@2x", "meet @ 5pm"]), ["hello {}", "{}你好", "see {} there"]),
    (lambda: pick(["forgot your password?", "password: required", "enter the password", "password=os.environ['X']", "password = getPassword()", "token: string", "the secret is out", "Password: ********", "api_key=<your-key>", "secret: none", "password = ${DB_PASS}", "token = nextToken", "pwd: /home/user"]), ["{}", "Note: {}", "文档：{}"]),
    (lambda: pick(["密码：请输入", "密码错误", "忘记密码了", "密码是什么", "口令不对", "密码：******"]), ["{}", "提示{}", "“{}”"]),
    (lambda: f"10.{draw.randint(1000, 9999)}/{letters(4, 'abcdef')}.{draw.randint(1, 2026)}.{digits(5)}", ["doi:{}", "DOI {}", "见{}"]),
    (lambda: f"{draw.randint(1, 90)}.{digits(6)}, {draw.randint(1, 170)}.{digits(6)}", ["GPS {}", "坐标{}", "located at {}"]),
    (lambda: f"{digits(2, '0123')}-{digits(2, '012')}-{digits(2, '0123')}-{digits(2, '0123')}-{digits(2, '0123')}-{digits(2, '01')}", ["lottery {}", "开奖号码{}", "numbers {}"]),
    (lambda: pick(["255.255.255.0", "127.0.0.1", "0.0.0.0", "::1", "255.255.0.0"]), ["bind to {}", "mask {}", "监听{}"]),
    (lambda: f"GB/T {draw.randint(1000, 39999)}-{draw.randint(1990, 2024)}", ["符合{}", "see {}"]),
    (lambda: f"{digits(2, '123456789')}.{draw.randint(1, 9)}.{draw.randint(1, 9)}", ["Section {} explains", "第{}节", "§{}"]),
    (lambda: f"{draw.randint(2, 9)}{digits(2)} {digits(3, '123456789')} {digits(3)}", ["a population of {}", "about {} people", "{} km away"]),
    (lambda: f"{draw.randint(1, 12)}/{draw.randint(1, 28)}/{draw.randint(1990, 2026)}", ["on {} we met", "日期{}", "due {}"]),
    (lambda: pick(["京东JD2023", "川菜A级", "粤语B2", "苏A计划", "鲁迅1918"]), ["{}很好", "关于{}的", "see {}"]),
    (lambda: f"sk-{pick(['learn', 'button-primary', 'lowercase-words-only-here'])}", ["use {} now", "类名{}", "{} is a name"]),
    (lambda: f"QQ群：{digits(9, '123456789')}", ["{}", "加入{}", "见{}"]),
    (lambda: f"RFC {draw.randint(700, 9000)}, {draw.randint(10, 99)}:{draw.randint(100, 999)}", ["see {}", "参见{}"]),
    (lambda: f"{digits(4, '123456789')} x {digits(4, '123456789')}", ["{} pixels", "分辨率{}", "at {}"]),
]


def main():
    lines = []
    for name, (make, templates) in TRUE.items():
        kind = name.split("/")[0]
        for index in range(PER_KIND):
            value = make()
            lines.append(templates[index % len(templates)].replace("{}", f"⟦{kind}|{value}⟧"))
    count = len(lines)
    for index in range(count):
        make, templates = LOOKALIKES[index % len(LOOKALIKES)]
        lines.append(pick(templates).replace("{}", f"⟦-|{make()}⟧"))
    draw.shuffle(lines)
    target = ROOT / "Fixtures/privacy/cases.txt"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text("\n".join(lines) + "\n", encoding="utf-8")
    manifest = ROOT / "Fixtures/MANIFEST.json"
    entries = json.loads(manifest.read_text())
    digest = hashlib.sha256(target.read_bytes()).hexdigest()
    entries["privacy/cases.txt"] = {"sha256": digest, "script": "Tools/privacy_cases.py", "seed": SEED}
    manifest.write_text(json.dumps(dict(sorted(entries.items())), indent=2) + "\n")
    print(count, "true and as many look-alikes,", target.stat().st_size, "bytes")


main()
