#!/usr/bin/env python3
"""Writes Sources/TextProcessing/Cleaning/SimplifiedCharacterData.swift: traditional characters and their simplified forms.

The source is kSimplifiedVariant of the Unicode Unihan database (Debian's package unicode-data), for characters of the
basic plane. Where Unihan names several forms, the first other than the character itself counts. The lists below hold
what Unihan leaves open: characters to leave alone, other choices, and the variant characters that the "First list of
processed variant characters" (1955) and its later corrections retired.
"""

import bz2
import pathlib

UNIHAN = "/usr/share/unicode/Unihan_Variants.txt.bz2"
# Current characters of their own right, or a rare reading of a common one.
KEPT = "后瀵瑙吒幺阪軎覆戠臤薴麴㻽唚垵㰙㸇灠寯擥臇襌譼鉨鑈鮗鷈鿐鿠鿳儁穭襬钁鷿懧"
CHOSEN = "瀰弥託托諮咨鉅巨綵彩鹼碱奬奖靦腼麽么著着"
VARIANTS = (
    "佈布佔占侷局倖幸僱雇兇凶冑胄剷铲勳勋卹恤卽即厠厕啓启喫吃嚥咽嚮向囌苏墻墙塚冢嫋袅嫺娴嬀妫孃娘寀采峯峰嵗岁弔吊"
    "彆别彔录彫雕悽凄慾欲慼戚慤悫敎教旣既昇升枴拐柺拐査查棊棋榦干槓杠樑梁欅榉歎叹殻壳氾泛汎泛汙污泝溯洩泄涗涚淒凄"
    "淨净淩凌湧涌溼湿滙汇潙沩灩滟燉炖燬毁燻熏爲为牀床犛牦獃呆璿璇甦苏產产産产甯宁痠酸瘻瘘癒愈癡痴皁皂盃杯眞真祕秘"
    "稜棱竪竖箇个簑蓑籤签糉粽紮扎絶绝綉绣綑捆綫线綳绷緑绿緼缊罎坛羣群羨羡羶膻脣唇脩修臥卧舘馆菴庵菸烟葯药蒐搜蒓莼"
    "蓆席蔘参薹苔藴蕴蝨虱蠍蝎蠔蚝衆众裏里襉裥覈核証证説说諡谥謡谣譁哗譭毁豔艳賫赍贜赃踰逾蹟迹蹠跖輼辒週周遊游遡溯"
    "醃腌醖酝鈅钥鈡钟鉆钻鉢钵鋭锐録录鎭镇鎸镌閲阅陞升霑沾頽颓顔颜飱飧餈糍饑饥駡骂鬨哄鮝鲞鳬凫鶿鹚鷄鸡鷴鹇麪面麫面"
    "穀谷闇暗綵彩畵画巖岩嶽岳堦阶壻婿妳你姪侄孼孽憇憩戞戛搾榨擕携攷考暱昵氷冰溷混煖暖燄焰牠它猨猿甎砖痲麻"
    "盪荡碪砧磟碌穉稚竝并筴策簷檐糰团緐繁繮缰耡锄肎肯膓肠臯皋艸草荅答蔴麻蘂蕊虵蛇蚘蛔衹只袪祛讚赞讎仇豓艳貍狸跡迹"
    "輭软迺乃逈迥酧酬醕醇釦扣鎗枪閙闹隄堤雰氛韤袜頫俯颺扬飜翻餽馈騐验髒脏鬀剃鬦斗鱻鲜鴈雁鵰雕麐麟麤粗鍊炼鑑鉴絃弦翫玩擣捣旂旗琱雕亙亘甕瓮"
)
PER_LINE = 40


def main():
    table = {}
    with bz2.open(UNIHAN, "rt", encoding="utf-8") as lines:
        for line in lines:
            fields = line.rstrip("\n").split("\t")
            if len(fields) == 3 and fields[1] == "kSimplifiedVariant":
                source = chr(int(fields[0][2:], 16))
                forms = [chr(int(form[2:], 16)) for form in fields[2].split()]
                forms = [form for form in forms if form != source and ord(form) < 0x10000]
                if forms and ord(source) < 0x10000 and source not in KEPT:
                    table[source] = forms[0]
    for pairs, wins in ((VARIANTS, False), (CHOSEN, True)):
        for source, form in zip(pairs[::2], pairs[1::2], strict=True):
            if source != form and (wins or source not in table):
                table[source] = form
    for source in list(table):
        while table[source] in table:
            table[source] = table[table[source]]
    text = "".join(source + form for source, form in sorted(table.items()))
    lines = [text[start : start + 2 * PER_LINE] for start in range(0, len(text), 2 * PER_LINE)]
    out = [
        "// Written by Tools/golden/simplified_characters.py; do not edit.",
        "",
        "extension ChineseSimplification {",
        "    /// Pairs of a traditional character and its simplified form, in the order of the first.",
        '    static let characterPairs: StaticString = """',
    ]
    out += ["        " + line + "\\" for line in lines[:-1]] + ["        " + lines[-1], '        """', "}", ""]
    root = pathlib.Path(__file__).resolve().parents[2]
    (root / "Sources/TextProcessing/Cleaning/SimplifiedCharacterData.swift").write_text("\n".join(out))
    print(len(table), "pairs")


main()
