"""The templates and conversations of the golden script for chat templates."""

VARIABLES = {
    "n": 7, "f": 2.5, "s": "  Hello, World  ", "zh": "你好，世界🙂é", "empty": "", "t": True, "nothing": None,
    "xs": [3, 1, 2], "words": ["b", "A", "c"], "d": {"b": 1, "a": [1, 2, {"k": "v"}], "items_": None},
    "users": [{"name": "Bo", "age": 3}, {"name": "al", "age": 1}, {"name": "Cy"}], "lines": "a\nb\n\nc",
}

SNIPPETS = r"""
{{ n }} {{ f }} {{ t }} {{ nothing }} {{ missing }}|
{{ xs }} {{ d }} {{ (1,) }} {{ () }} {{ {} }} {{ ['a', "it's", '"', 'é\n\x00'] }}
{{ 1 + 2 * 3 - 4 / 2 }} {{ 7 // 2 }} {{ -7 // 2 }} {{ -7 % 3 }} {{ 7 % -3 }} {{ 2 ** 3 ** 2 }} {{ -2 ** 2 }}
{{ 7.5 // 2 }} {{ -7.5 % 2 }} {{ 1e20 }} {{ 1.0 }} {{ 1e-7 }} {{ 0.1 + 0.2 }} {{ 1_000 }} {{ 0x1F }} {{ 0b101 }} {{ 0o17 }}
{{ 1 / 0 }}
{{ 'a' ~ 1 ~ none ~ missing ~ 2.0 }} {{ 1 ~ 2 + 3 }}
{{ 1 ~ 2 * 3 }} {{ 'a' + 'b' ~ 'c' }}
{{ 'a' + 1 }}
{{ 'ab' * 3 }} {{ 2 * [1, 2] }} {{ 'a' * -1 }}|
{{ 1 < 2 < 3 }} {{ 1 < 3 < 2 }} {{ 1 == 1.0 }} {{ '1' == 1 }} {{ [1] == [1.0] }} {{ (1,) == [1] }} {{ true == 1 }}
{{ 'a' < 'b' }} {{ [1, 2] < [1, 3] }} {{ 1 < 'a' }}
{{ 2 in xs }} {{ 2 not in xs }} {{ 'b' in d }} {{ 'ell' in s }} {{ '' in '' }} {{ 1 in missing }}
{{ 1 in 5 }}
{{ t and n }} {{ nothing or 'x' }} {{ not t }} {{ not nothing and 3 }} {{ 0 or missing }}|
{{ 'yes' if n > 5 else 'no' }} {{ 'yes' if n > 9 }}| {{ 1 if false else 2 if false else 3 }}
{{ s[2] }} {{ s[-3] }} {{ zh[1:3] }} {{ zh[::-1] }} {{ xs[1:] }} {{ xs[-1] }} {{ xs[9] }}| {{ xs[::2] }} {{ xs[:-1] }}
{{ xs['a'] }}| {{ d['zz'] }}| {{ d.zz }}| {{ d.a.2.k }} {{ d['a'][2]['k'] }} {{ d.a[2].k }}
{{ missing.x }}
{{ missing[0] }}
{{ missing() }}
{{ missing + 1 }}
{{ nothing.x }}|
{{ nothing['x']['y'] }}
{{ s.strip() }}|{{ s.lstrip() }}|{{ s.rstrip() }}|{{ 'xxaxx'.strip('x') }} {{ 'abc'.strip('ca') }}
{{ 'a,b,,c'.split(',') }} {{ 'a,b,c'.split(',', 1) }} {{ ' a  b '.split() }} {{ ' a  b c '.split(none, 1) }} {{ 'a b c'.rsplit(' ', 1) }}
{{ 'a  b c '.rsplit(none, 1) }} {{ ''.split() }} {{ ''.split(',') }} {{ 'aaa'.split('aa') }} {{ 'aaa'.rsplit('aa') }}
{{ 'abc'.startswith('ab') }} {{ 'abc'.endswith(('x', 'bc')) }} {{ 'abc'.find('c') }} {{ 'abc'.find('z') }} {{ 'abcabc'.rfind('b') }}
{{ 'hello world'.title() }} {{ "it's a dog".title() }} {{ "it's a dog-house (big)"|title }} {{ 'hELLO'.capitalize() }} {{ 'aB'.swapcase() }}
{{ 'a-b'.replace('-', '+') }} {{ 'aaa'.replace('a', 'b', 2) }} {{ 'ab'.replace('', '.') }} {{ 'aaa'|replace('a', 'b', 1) }}
{{ 'abc'.removeprefix('a') }} {{ 'abc'.removesuffix('c') }} {{ 'abc'.count('b') }} {{ 'aaaa'.count('aa') }} {{ ''.count('') }}
{{ 'a\nb\r\nc\n'.splitlines() }} {{ 'a\nb'.splitlines(true) }} {{ ', '.join(['a', 'b']) }} {{ '1'.zfill(3) }} {{ '-1'.zfill(4) }}
{{ '12'.isdigit() }} {{ 'a1'.isalnum() }} {{ 'ab'.isalpha() }} {{ ' '.isspace() }} {{ 'AB'.isupper() }} {{ ''.isdigit() }} {{ 'a'.isascii() }}
{{ 'a'.center(4) }}|{{ 'a'.ljust(3, '.') }}|{{ 'a'.rjust(3) }}|{{ 'ab'.center(5, '*') }} {{ 'a=b=c'.partition('=') }} {{ 'a=b=c'.rpartition('=') }} {{ 'abc'.rpartition('=') }}
{{ '{} {}'.format(1, 'a') }} {{ '{1} {0}'.format(1, 2) }} {{ '{x}'.format(x=3) }} {{ '{:>5}|{:<4}|{:^5}'.format('a', 'b', 'c') }} {{ '{:.2f}'.format(2.345) }} {{ '{:03d}'.format(7) }}
{{ '%s is %d and %.2f' % ('a', 3, 1.5) }} {{ '%5s|%-5s|%05d' % ('a', 'b', 42) }} {{ '%s' % 'x' }} {{ '%x' % 255 }} {{ '100%%' % () }}
{{ '%s %s'|format('a', 'b') }} {{ '%(a)s'|format(a=1) }}
{{ '%d' % 'a' }}
{{ d.items() }} {{ d.keys() }} {{ d.values()|list }} {{ d.get('b') }} {{ d.get('q') }} {{ d.get('q', 5) }}
{{ d.keys()|list|join(',') }} {{ d|list }} {{ d|length }} {{ d|items|list }}
{{ xs.append(4) }}
{{ d.update({'a': 1}) }}
{{ d.pop('a') }}
{{ xs.index(1) }} {{ xs.count(3) }}
{{ xs.index(9) }}
{{ s.__class__ }}|
{{ s.__class__.__mro__ }}
{{ s|trim }}| {{ 'xax'|trim('x') }} {{ s|lower }} {{ s|upper }} {{ s|length }} {{ zh|length }} {{ zh|upper }} {{ 'straße'|upper }}
{{ xs|first }} {{ xs|last }} {{ []|first }}| {{ 'abc'|first }} {{ 'abc'|last }} {{ xs|sort }} {{ xs|sort(reverse=true) }} {{ words|sort }} {{ words|sort(case_sensitive=true) }}
{{ xs|reverse|list }} {{ 'abc'|reverse }} {{ xs|sum }} {{ xs|min }} {{ xs|max }} {{ []|max }}| {{ words|min }} {{ users|sum('age') }}
{{ users|map(attribute='name')|list }} {{ users|map(attribute='age', default=0)|list }} {{ words|map('upper')|join('-') }} {{ users|map(attribute='name')|map('lower')|join }}
{{ users|selectattr('age')|map(attribute='name')|list }} {{ users|selectattr('age', 'eq', 1)|list }} {{ users|rejectattr('age', 'defined')|list }} {{ xs|select('odd')|list }} {{ xs|reject('gt', 1)|list }} {{ [0, 1, '']|select|list }}
{{ users|sort(attribute='name')|map(attribute='name')|list }} {{ users|map(attribute='name')|join(', ') }} {{ users|join(', ', attribute='name') }}
{{ ['a', 'A', 'b', 'a']|unique|list }} {{ [1, 1.0, true, 2]|unique|list }} {{ ['a', 'A']|unique(case_sensitive=true)|list }}
{{ {'b': 1, 'A': 2}|dictsort }} {{ {'b': 1, 'A': 2}|dictsort(by='value') }} {{ {'b': 1, 'a': 2}|dictsort(reverse=true) }}
{{ range(5)|list }} {{ range(5) }} {{ range(1, 10, 3)|list }} {{ range(3, 0, -1)|list }} {{ range(5)|batch(2)|list }} {{ range(5)|batch(2, 'x')|list }} {{ range(5)|slice(2)|list }}
{{ range(1000000) }}
{{ lines|indent }} {{ lines|indent(2, true) }} {{ lines|indent(2, blank=true) }} {{ lines|indent('> ', first=true) }}
{{ 'a b_c d-e'|wordcount }} {{ 'ab'|center(6) }}| {{ '<a href="x">&\'</a>'|e }} {{ '<b>'|escape }} {{ 'x'|safe }}
{{ missing|default('d') }} {{ ''|default('d') }}| {{ ''|default('d', true) }} {{ none|d('x') }} {{ none|d('x', true) }} {{ missing|d }}|
{{ '42'|int }} {{ '4.7'|int }} {{ 'x'|int }} {{ 'x'|int(5) }} {{ 'ff'|int(base=16) }} {{ '0x1f'|int(0, 16) }} {{ 3.9|int }} {{ -3.9|int }} {{ none|int }} {{ ' 12 '|int }}
{{ '4.5'|float }} {{ 'x'|float }} {{ 'x'|float(1.5) }} {{ 3|float }} {{ '1e3'|float }} {{ -5|abs }} {{ (-5.5)|abs }}
{{ 2.5|round }} {{ 3.5|round }} {{ 2.345|round(2) }} {{ 2.675|round(2) }} {{ 2.1|round(0, 'ceil') }} {{ 2.19|round(1, 'floor') }} {{ 5|round }} {{ 1234|round(-2) }}
{{ d|tojson }} {{ zh|tojson }} {{ 'a"\\\n\t\x01<>&'|tojson }} {{ 1.0|tojson }} {{ none|tojson }} {{ (1, 'a')|tojson }} {{ []|tojson }} {{ {}|tojson }}
{{ d|tojson(indent=2) }} {{ xs|tojson(indent=4) }} {{ [[], {}]|tojson(indent=1) }} {{ d|tojson(sort_keys=true) }} {{ d|tojson(separators=(',', ':')) }} {{ zh|tojson(ensure_ascii=true) }}
{{ {1: 2, none: 3, true: 4, 2.5: 5}|tojson }}
{{ missing|tojson }}
{{ 'a'|nofilter }}
{{ 'a' is notest }}
{{ missing is defined }} {{ n is defined }} {{ d.zz is defined }} {{ missing is undefined }} {{ nothing is none }} {{ missing is none }} {{ nothing is not none }}
{{ n is number }} {{ t is number }} {{ n is integer }} {{ t is integer }} {{ f is float }} {{ t is boolean }} {{ s is string }} {{ d is mapping }} {{ xs is mapping }}
{{ s is iterable }} {{ n is iterable }} {{ xs is sequence }} {{ d is sequence }} {{ n is sequence }} {{ missing is iterable }} {{ t is true }} {{ 1 is true }} {{ false is false }}
{{ 3 is odd }} {{ 3 is even }} {{ 9 is divisibleby 3 }} {{ 9 is divisibleby(4) }} {{ 1 is eq 1 }} {{ 1 is ne(2) }} {{ 1 is lt 2 }} {{ 2 is in xs }} {{ 2 is not in [1] }} {{ 'a' is equalto 'a' }}
{{ 'ab' is lower }} {{ 'AB' is upper }} {{ 1 is sameas 1 }} {{ range is callable }} {{ 'upper' is filter }} {{ 'odd' is test }}
{{ 1 is defined is defined }}
{{ not missing is defined }} {{ (n is odd) and (n is number) }} {{ n is odd or false }}
{% if n == 7 %}seven{% elif n == 8 %}eight{% else %}other{% endif %}
{% if missing %}a{% elif nothing %}b{% else %}c{% endif %}
{% for x in xs %}{{ x }}{% if not loop.last %}, {% endif %}{% endfor %}
{% for x in xs %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.length }}{{ loop.previtem }}{{ loop.nextitem }};{% endfor %}
{% for x in [] %}x{% else %}none{% endfor %}
{% for x in missing %}x{% else %}none{% endfor %}
{% for x in nothing %}x{% endfor %}
{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}{% for k in d %}{{ k }}{% endfor %}
{% for a, b in [[1, 2], [3, 4]] %}{{ a }}{{ b }}{% endfor %}
{% for a, b in [[1, 2, 3]] %}{{ a }}{% endfor %}
{% for x in xs if x > 1 %}{{ loop.index }}:{{ x }} {% endfor %}
{% for x in xs if x > 9 %}x{% else %}none{% endfor %}
{% for x in range(10) %}{% if x == 2 %}{% continue %}{% endif %}{% if x == 5 %}{% break %}{% endif %}{{ x }}{% endfor %}
{% for x in 'héy' %}[{{ x }}]{% endfor %}
{% for x in xs %}{% for y in words %}{{ loop.index }}{% endfor %}{{ loop.index }}|{% endfor %}
{% for x in xs %}{{ loop.cycle('a', 'b') }}{{ loop.changed(x > 1) }}{% endfor %}
{% for u in [{'n': 1, 'c': [{'n': 2, 'c': []}]}] recursive %}{{ u.n }}{{ loop.depth }}({{ loop(u.c) }}){% endfor %}
{% break %}
{% set x = 1 %}{% for i in xs %}{% set x = x + i %}{{ x }} {% endfor %}{{ x }}
{% set ns = namespace(x=0) %}{% for i in xs %}{% set ns.x = ns.x + i %}{% endfor %}{{ ns.x }} {{ ns }} {{ ns.y }}|
{% set ns = namespace() %}{% set ns._x = 1 %}
{% set ns = namespace(_a=1) %}
{% set d.x = 1 %}
{% set a, b = 1, 2 %}{{ a }}{{ b }} {% set c = 1, 2 %}{{ c }} {% set x %}bl{{ n }}ock{% endset %}{{ x }} {% set y | upper %}up{% endset %}{{ y }}
{% if true %}{% set q = 5 %}{% endif %}{{ q }} {% for i in [1] %}{% set w = 1 %}{% endfor %}{{ w }}|
{% macro m(a, b=2, c=a) %}{{ a }}-{{ b }}-{{ c }}{% endmacro %}{{ m(1) }} {{ m(1, 3) }} {{ m(c=5, a=4) }} {{ m() }}
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, 2) }}
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(b=2) }}
{% macro m() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, x=3) }}
{% macro m(k) %}{% if k > 0 %}{{ k }}{{ m(k - 1) }}{% endif %}{% endmacro %}{{ m(4) }}
{% macro m(x) %}[{{ caller(x) }}]{% endmacro %}{% call(y) m(3) %}y={{ y }}{% endcall %}
{% macro m() %}{% set inner = 1 %}{{ n }}{{ late }}{% endmacro %}{% set late = 9 %}{{ m() }}{{ inner }}|
{% macro m(a) %}x{% endmacro %}{{ m }} {{ m.name }}
{% with a = 1, b = n %}{{ a }}{{ b }}{% endwith %}{{ a }}| {% filter upper %}abc{{ n }}{% endfilter %}
{% raw %}{{ x }}{% y %}{% endraw %} {%- raw -%}  a  {%- endraw -%} b
{# comment #}a{#- c -#} b {# {{ x }} #}c
{% generation %}a{{ n }}{% endgeneration %}b
{% for i in xs %}{% generation %}{{ loop.index }}{% set z = i %}{% endgeneration %}{{ z }}{% endfor %}
{{ raise_exception('no ' ~ n) }}
{% if false %}{{ raise_exception('never') }}{% endif %}ok
{{ dict(a=1, b=2) }} {{ dict([('a', 1)]) }} {{ {'a': 1, 'a': 2} }} {{ {1: 'x'}[1] }} {{ {'k': {'j': 1}}.k.j }}
{{ {[1]: 2} }}
{{ "a" "b" 'c' }} {{ 'it\'s \u4f60 \x41 \101 \q' }}
{{ a.b.c
{{ 'abc
{{ (1 }}
{{ 1 } }}
{% if n %}
{% endif %}
{% unknown %}
{% for x in %}{% endfor %}
{{ }}
{{ n n }}
{{ 5 ! }}
{{ f(*xs) }}
{% macro m(a, b, c) %}{{ a }}{{ b }}{{ c }}{% endmacro %}{{ m(*xs) }}{{ m(**{'a': 1, 'b': 2, 'c': 3}) }}
{{ n.x }}| {{ n | string | length }} {{ -n | abs }} {{ n|float|string }} {{ [1, 2, 3][n - 6] }} {{ 'a' if s is string and s else 'b' }}
{{ words|join(d='+') }} {{ [1, none, true]|join(',') }} {{ 'abc'|join('-') }} {{ missing|join(',') }}| {{ xs|map('string')|list }} {{ missing|length }} {{ missing|list }}
{{ true }} {{ True }} {{ none }} {{ None }} {{ [true, none] }} {{ 1.5e3 }} {{ xs|length > 2 }} {{ not xs|length > 5 }}
{{ xs is iterable and xs is not string and xs is not mapping }} {{ nothing is defined and nothing }} {{ 'a' in ['a'] and 'b' not in 'abc'[:1] }}
{{ users[0].name }} {{ users[-1]['name'] }} {{ users[0:2]|map(attribute='age')|sum }} {{ users[0].get('zip', 'none') }} {{ users[2].age is defined }}
{{ d.a|length }} {{ (d.a|first) + 1 }} {{ d.b|string + 'x' }} {{ xs + [4] }} {{ (1, 2) + (3,) }} {{ xs + (1,) }}
{{ strftime_now is defined }} {{ loop is defined }}
""".strip("\n").split("\n")
SNIPPETS += [
    "  {% if true %}\n  a\n  {% endif %}\n b",
    "a\n  {%- if true -%}  \n  b\n  {%- endif +%}\n c\n",
    "a  {%+ if true %}x{% endif %}  \n\n  {# c #}\n  d\n\n",
    "{{ 'x' }}\n{{ 'y' -}}\n\n {{- 'z' }}  \n  {{ 'w' }}",
    "x\r\ny\r{% set a = 1 %}\r\nz\n\n",
    "\t{% for x in xs %}\n\t\t{{ x }}\n\t{% endfor %}\nend",
    "{% raw %}\n {{ a }}\n{% endraw %}\nb", "a {% raw -%} \n b {%- endraw %} c", "{%- set x = 1 %}\n\n{{- x }}",
    "{{ {'a': {'b': 1}} }}", "{{ {'a': 1}['a'] }}{{ '}}' }}{{ '%}' }}", "{{'{{'}}", "{%if n%}y{%endif%}", "{# a\n#}\n{# b #}c",
    "{{ 'a\nb' }}", "{{-n-}}", "{{ n -}} \n x", "a\u3000{{- n }}", "{% set x = 'a' -%}\u00a0 b", "", "\n", "a\n\n", "{{ '\\\n' }}|",
    "{% macro m() %}\n  x\n{% endmacro %}\n{{ m() }}", "{% set a %}\n  {{ n }}\n{% endset %}[{{ a }}]",
]

TEMPLATES = {}
TEMPLATES["chatml"] = """{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>' + '\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"""
TEMPLATES["chatml-generation"] = """
{%- for m in messages %}
    {%- if m.role == 'assistant' %}
        {{- '<|im_start|>assistant\n' }}{% generation %}{{ m.content }}{% for call in m.tool_calls or [] %}
<call>{{ call.function | tojson }}</call>{% endfor %}<|im_end|>{% endgeneration %}
        {{- '\n' }}
    {%- else %}
        {{- '<|im_start|>' ~ m.role ~ '\n' ~ m.content ~ '<|im_end|>\n' }}
    {%- endif %}
{%- endfor %}"""
TEMPLATES["qwen-tools"] = """
{%- if tools %}
    {{- '<|im_start|>system\n' }}
    {%- if messages[0].role == 'system' %}{{- messages[0].content + '\n\n' }}{%- endif %}
    {{- "Functions within reach:\n<tools>" }}
    {%- for tool in tools %}{{- "\n" }}{{- tool | tojson }}{%- endfor %}
    {{- "\n</tools><|im_end|>\n" }}
{%- elif messages[0].role == 'system' %}
    {{- '<|im_start|>system\n' + messages[0].content + '<|im_end|>\n' }}
{%- endif %}
{%- set ns = namespace(last=messages|length - 1, open=true) %}
{%- for message in messages[::-1] %}
    {%- set index = (messages|length - 1) - loop.index0 %}
    {%- if ns.open and message.role == "user" and message.content is string and not message.content.startswith('<res>') %}
        {%- set ns.open = false %}{%- set ns.last = index %}
    {%- endif %}
{%- endfor %}
{%- for message in messages %}
    {%- set content = message.content if message.content is string else '' %}
    {%- if message.role == "user" or (message.role == "system" and not loop.first) %}
        {{- '<|im_start|>' + message.role + '\n' + content + '<|im_end|>' + '\n' }}
    {%- elif message.role == "assistant" %}
        {%- set thought = '' %}
        {%- if message.reasoning_content is string %}{%- set thought = message.reasoning_content %}
        {%- elif '</think>' in content %}
            {%- set thought = content.split('</think>')[0].rstrip('\n').split('<think>')[-1].lstrip('\n') %}
            {%- set content = content.split('</think>')[-1].lstrip('\n') %}
        {%- endif %}
        {%- if loop.index0 > ns.last and (loop.last or thought) %}
            {{- '<|im_start|>assistant\n<think>\n' + thought.strip('\n') + '\n</think>\n\n' + content.lstrip('\n') }}
        {%- else %}
            {{- '<|im_start|>' + message.role + '\n' + content }}
        {%- endif %}
        {%- for call in message.tool_calls %}
            {%- if (loop.first and content) or not loop.first %}{{- '\n' }}{%- endif %}
            {%- if call.function %}{%- set call = call.function %}{%- endif %}
            {{- '<call>\n{"name": "' + call.name + '", "arguments": ' }}
            {%- if call.arguments is string %}{{- call.arguments }}{%- else %}{{- call.arguments | tojson }}{%- endif %}
            {{- '}\n</call>' }}
        {%- endfor %}
        {{- '<|im_end|>\n' }}
    {%- elif message.role == "tool" %}
        {%- if loop.first or messages[loop.index0 - 1].role != "tool" %}{{- '<|im_start|>user' }}{%- endif %}
        {{- '\n<res>\n' + content + '\n</res>' }}
        {%- if loop.last or (messages[loop.index0 + 1].role != "tool") %}{{- '<|im_end|>\n' }}{%- endif %}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\n' }}
    {%- if thinking_on is defined and thinking_on is false %}{{- '<think>\n\n</think>\n\n' }}{%- endif %}
{%- endif %}"""
TEMPLATES["llama2"] = """{% if messages[0]['role'] == 'system' %}{% set rest = messages[1:] %}{% set sys = messages[0]['content'] %}{% else %}{% set rest = messages %}{% set sys = false %}{% endif %}{% for m in rest %}{% if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('turns must alternate between user and assistant') }}{% endif %}{% if loop.index0 == 0 and sys != false %}{% set content = '<<SYS>>\\n' + sys + '\\n<</SYS>>\\n\\n' + m['content'] %}{% else %}{% set content = m['content'] %}{% endif %}{% if m['role'] == 'user' %}{{ bos_token + '[INST] ' + content.strip() + ' [/INST]' }}{% elif m['role'] == 'assistant' %}{{ ' ' + content.strip() + ' ' + eos_token }}{% endif %}{% endfor %}"""
TEMPLATES["llama3-tools"] = """{{- bos_token }}
{%- if custom_tools is defined %}{%- set tools = custom_tools %}{%- endif %}
{%- if not date is defined %}{%- set date = "1 Jan 2026" %}{%- endif %}
{%- if not tools is defined %}{%- set tools = none %}{%- endif %}
{%- if messages[0]['role'] == 'system' %}
    {%- set system = messages[0]['content']|trim %}{%- set messages = messages[1:] %}
{%- else %}{%- set system = "" %}{%- endif %}
{{- "<|start_header_id|>system<|end_header_id|>\n\n" }}
{%- if tools is not none %}{{- "Environment: here\n" }}{%- endif %}
{{- "Today: " + date + "\n\n" }}
{%- if tools is not none %}
    {%- for t in tools %}{{- t | tojson(indent=4) }}{{- "\n\n" }}{%- endfor %}
{%- endif %}
{{- system }}{{- "<|eot_id|>" }}
{%- for message in messages %}
    {%- if not (message.role == 'ipython' or message.role == 'tool' or 'tool_calls' in message) %}
        {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n'+ message['content'] | trim + '<|eot_id|>' }}
    {%- elif 'tool_calls' in message %}
        {%- if not message.tool_calls|length == 1 %}{{- raise_exception("one call at a time, please") }}{%- endif %}
        {%- set call = message.tool_calls[0].function %}
        {{- '<|start_header_id|>assistant<|end_header_id|>\n\n' -}}
        {{- '{"name": "' + call.name + '", "parameters": ' }}{{- call.arguments | tojson }}{{- "}<|eot_id|>" }}
    {%- elif message.role == "tool" or message.role == "ipython" %}
        {{- "<|start_header_id|>ipython<|end_header_id|>\n\n" }}
        {%- if message.content is mapping or message.content is iterable %}{{- message.content | tojson }}
        {%- else %}{{- message.content }}{%- endif %}
        {{- "<|eot_id|>" }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{%- endif %}"""
TEMPLATES["mistral"] = """{%- if messages[0]["role"] == "system" %}{%- set system = messages[0]["content"] %}{%- set turns = messages[1:] %}
{%- else %}{%- set turns = messages %}{%- endif %}
{%- if not tools is defined %}{%- set tools = none %}{%- endif %}
{%- set users = turns | selectattr("role", "equalto", "user") | list %}
{%- set ns = namespace(i=0) %}
{%- for m in turns %}
    {%- if not (m.role == "tool" or (m.tool_calls is defined and m.tool_calls is not none)) %}
        {%- if (m["role"] == "user") != (ns.i % 2 == 0) %}{{- raise_exception("user and assistant must take turns") }}{%- endif %}
        {%- set ns.i = ns.i + 1 %}
    {%- endif %}
{%- endfor %}
{{- bos_token }}
{%- for m in turns %}
    {%- if m["role"] == "user" %}
        {%- if tools is not none and (m == users[-1]) %}
            {{- "[AVAILABLE_TOOLS] [" }}
            {%- for tool in tools %}
                {%- set tool = tool.function %}
                {{- '{"type": "function", "function": {' }}
                {%- for key, val in tool.items() if key != "return" %}
                    {%- if val is string %}{{- '"' + key + '": "' + val + '"' }}{%- else %}{{- '"' + key + '": ' + val|tojson }}{%- endif %}
                    {%- if not loop.last %}{{- ", " }}{%- endif %}
                {%- endfor %}
                {{- "}}" }}{%- if not loop.last %}{{- ", " }}{%- else %}{{- "]" }}{%- endif %}
            {%- endfor %}
            {{- "[/AVAILABLE_TOOLS]" }}
        {%- endif %}
        {%- if loop.last and system is defined %}{{- "[INST] " + system + "\n\n" + m["content"] + "[/INST]" }}
        {%- else %}{{- "[INST] " + m["content"] + "[/INST]" }}{%- endif %}
    {%- elif m.tool_calls is defined and m.tool_calls is not none %}
        {{- "[TOOL_CALLS] [" }}
        {%- for call in m.tool_calls %}
            {%- set out = call.function|tojson %}{{- out[:-1] }}
            {%- if not call.id is defined or call.id|length != 9 %}{{- raise_exception("a call needs an id of nine letters") }}{%- endif %}
            {{- ', "id": "' + call.id + '"}' }}{%- if not loop.last %}{{- ", " }}{%- else %}{{- "]" + eos_token }}{%- endif %}
        {%- endfor %}
    {%- elif m["role"] == "assistant" %}{{- " " + m["content"]|trim + eos_token}}
    {%- elif m["role"] == "tool" %}
        {%- if m.content is defined and m.content.content is defined %}{%- set c = m.content.content %}{%- else %}{%- set c = m.content %}{%- endif %}
        {{- '[TOOL_RESULTS] {"content": ' + c|string + "}[/TOOL_RESULTS]" }}
    {%- else %}{{- raise_exception("unknown role " ~ m.role) }}{%- endif %}
{%- endfor %}"""
TEMPLATES["gemma"] = """{{ bos_token }}
{%- if messages[0]['role'] == 'system' -%}
    {%- if messages[0]['content'] is string -%}{%- set prefix = messages[0]['content'] + '\n\n' -%}
    {%- else -%}{%- set prefix = messages[0]['content'][0]['text'] + '\n\n' -%}{%- endif -%}
    {%- set turns = messages[1:] -%}
{%- else -%}{%- set prefix = "" -%}{%- set turns = messages -%}{%- endif -%}
{%- for m in turns -%}
    {%- if (m['role'] == 'user') != (loop.index0 % 2 == 0) -%}{{ raise_exception("user, model, user, model") }}{%- endif -%}
    {%- if (m['role'] == 'assistant') -%}{%- set role = "model" -%}{%- else -%}{%- set role = m['role'] -%}{%- endif -%}
    {{ '<start_of_turn>' + role + '\n' + (prefix if loop.first else "") }}
    {%- if m['content'] is string -%}{{ m['content'] | trim }}
    {%- elif m['content'] is iterable -%}
        {%- for item in m['content'] -%}
            {%- if item['type'] == 'image' -%}{{ '<image>' }}{%- elif item['type'] == 'text' -%}{{ item['text'] | trim }}{%- endif -%}
        {%- endfor -%}
    {%- else -%}{{ raise_exception("what content is that") }}{%- endif -%}
    {{ '<end_of_turn>\n' }}
{%- endfor -%}
{%- if add_generation_prompt -%}{{ '<start_of_turn>model\n' }}{%- endif -%}"""
TEMPLATES["phi"] = """{% for m in messages %}{% if m['role'] == 'system' and m['content'] %}{{'<|system|>\n' + m['content'] + '<|end|>\n'}}{% elif m['role'] == 'user' %}{{'<|user|>\n' + m['content'] + '<|end|>\n'}}{% elif m['role'] == 'assistant' %}{{'<|assistant|>\n' + m['content'] + '<|end|>\n'}}{% endif %}{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% else %}{{ eos_token }}{% endif %}"""
TEMPLATES["zephyr"] = """{% for m in messages %}
{% if m['role'] == 'user' %}
{{ '<|user|>\n' + m['content'] + eos_token }}
{% elif m['role'] == 'system' %}
{{ '<|system|>\n' + m['content'] + eos_token }}
{% elif m['role'] == 'assistant' %}
{{ '<|assistant|>\n'  + m['content'] + eos_token }}
{% endif %}
{% if loop.last and add_generation_prompt %}
{{ '<|assistant|>' }}
{% endif %}
{% endfor %}"""
TEMPLATES["deepseek"] = """{% if not add_generation_prompt is defined %}{% set add_generation_prompt = false %}{% endif %}{% set ns = namespace(first=false, tool=false, out_first=true, system='') %}{%- for m in messages %}{%- if m['role'] == 'system' %}{% set ns.system = m['content'] %}{%- endif %}{%- endfor %}{{ bos_token }}{{ ns.system }}{%- for m in messages %}{%- if m['role'] == 'user' %}{%- set ns.tool = false -%}{{ '<｜User｜>' + m['content'] }}{%- endif %}{%- if m['role'] == 'assistant' and m['content'] is none or m['tool_calls'] %}{%- set ns.tool = false -%}{%- for call in m['tool_calls'] %}{%- if not ns.first %}{{ '<｜Assistant｜><｜calls｜>' + call['type'] + '<｜sep｜>' + call['function']['name'] + '\n```json\n' + call['function']['arguments']|tojson + '\n```' }}{%- set ns.first = true -%}{%- else %}{{ '\n' + call['type'] + '<｜sep｜>' + call['function']['name'] }}{%- endif %}{%- endfor %}{{ '<｜calls end｜>' }}{%- elif m['role'] == 'assistant' %}{%- if ns.tool %}{{ '<｜outputs end｜>' + m['content'] + '<｜end｜>' }}{%- set ns.tool = false -%}{%- else %}{% set content = m['content'] %}{% if '</think>' in content %}{% set content = content.split('</think>')[-1] %}{% endif %}{{ '<｜Assistant｜>' + content + '<｜end｜>' }}{%- endif %}{%- endif %}{%- if m['role'] == 'tool' %}{%- set ns.tool = true -%}{%- if ns.out_first %}{{ '<｜outputs｜>' + m['content'] }}{%- set ns.out_first = false %}{%- else %}{{ '\n' + m['content'] }}{%- endif %}{%- endif %}{%- endfor -%}{% if ns.tool %}{{ '<｜outputs end｜>' }}{% endif %}{% if add_generation_prompt and not ns.tool %}{{ '<｜Assistant｜>' }}{% endif %}"""
TEMPLATES["command"] = """{{ bos_token }}
{%- macro params(p) -%}
{%- for name, info in p.properties.items() -%}
{{ name }}: {{ info.type | upper }}{% if name not in (p.required or []) %} = none{% endif %}{% if not loop.last %}, {% endif %}
{%- endfor -%}
{%- endmacro -%}
{% set system = messages[0].content if messages[0].role == 'system' else 'Be of help.' %}
<|START|><|SYSTEM|>## Preamble
{{ system }}
{% if tools %}
## Tools
{% for tool in tools %}
```python
def {{ tool.function.name }}({{ params(tool.function.parameters) }}):
    \"\"\"{{ tool.function.description | indent(4) }}\"\"\"
```

{% endfor %}
{% endif %}
{% if documents %}
{% for doc in documents %}
Document: {{ loop.index0 }}
{% for key, value in doc | dictsort %}
{{ key }}: {{ value }}
{% endfor %}

{% endfor %}
{% endif %}
<|END|>
{%- for m in messages if m.role != 'system' -%}
<|START|><|{{ {'user': 'USER', 'assistant': 'CHATBOT', 'tool': 'SYSTEM'}[m.role] | default('OTHER') }}|>
{%- if m.tool_calls %}
Action: ```json
{{ m.tool_calls | map(attribute='function') | list | tojson(indent=2) }}
```
{%- else %}{{ m.content | string | trim }}{% endif %}<|END|>
{%- endfor -%}
{% if add_generation_prompt %}<|START|><|CHATBOT|>{% endif %}"""
TEMPLATES["schema"] = """{%- macro kind(s, level=0) -%}
{%- if s.enum -%}{{ s.enum | map('tojson') | join(' | ') }}
{%- elif s.type == 'array' -%}{{ kind(s['items'], level) }}[]
{%- elif s.type == 'object' and s.properties -%}{{ '{\n' }}
{%- for k, v in s.properties.items() -%}{{ '  ' * (level + 1) }}{{ k }}{{ '' if k in s.get('required', []) else '?' }}: {{ kind(v, level + 1) }}{{ ',\n' if not loop.last else '\n' }}{%- endfor -%}{{ '  ' * level }}}
{%- else -%}{{ s.type or 'any' }}{%- endif -%}
{%- endmacro -%}
{%- for t in tools or [] %}type {{ t.function.name }} = (_: {{ kind(t.function.parameters) }}) => any;
{% endfor -%}
{%- for m in messages -%}[{{ m.role }}]{{ m.content if m.content is string else m.content | selectattr('type', 'eq', 'text') | map(attribute='text') | join(' ') }}
{% endfor -%}"""
TEMPLATES["alpaca"] = """{% for m in messages %}{% if m.role == 'system' %}{{ m.content }}

{% elif m.role == 'user' %}### Instruction:
{{ m.content }}

{% else %}### Response:
{% generation %}{{ m.content }}{{ eos_token }}{% endgeneration %}


{% endif %}{% endfor %}"""
TEMPLATES["vicuna"] = """{%- set names = {'user': 'USER', 'assistant': 'ASSISTANT'} -%}
{%- for m in messages -%}{%- if loop.first and m.role == 'system' %}{{ m.content ~ ' ' }}{% elif m.role in names %}{{ names[m.role] }}: {{ m.content }}{{ ' ' if m.role == 'user' else eos_token }}{% else %}{{ raise_exception('role ' ~ m.role ~ ' at ' ~ loop.index) }}{% endif %}{%- endfor -%}
{{- 'ASSISTANT:' if add_generation_prompt }}"""
TEMPLATES["parts"] = """{% for m in messages %}{{ m.role|capitalize }}{% if m.content is not string and m.content[0]['type'] == 'image' %}:{% else %}: {% endif %}{% if m.content is string %}{{ m.content }}{% else %}{% for p in m.content %}{% if p.type == 'text' %}{{ p['text'] }}{% elif p.type == 'image' %}<image>{% endif %}{% endfor %}{% endif %}<end>
{% endfor %}"""
TEMPLATES["counting"] = """{% set ns = namespace(words=0, roles=[]) %}{% for m in messages %}{% set ns.words = ns.words + (m.content|string|wordcount) %}{% set ns.roles = ns.roles + [m.role] %}{% endfor %}{{ ns.words }} {{ ns.roles|unique|sort|join('/') }} {{ messages|groupless is defined if false else messages|length }}"""
TEMPLATES["reasoning"] = """{% for m in messages %}{% if m.thinking is defined %}<think>{{ m.thinking }}</think>{% endif %}{% if m.content is defined %}{{ m.content }}{% else %}(nothing){% endif %};{% endfor %}"""
TEMPLATES["keys"] = """{% for m in messages %}{% for k, v in m.items() %}{{ k }}={{ v }}{{ ' ' if not loop.last }}{% endfor %}
{% endfor %}"""
TEMPLATES["windows"] = "{% for m in messages %}\r\n  {%- if loop.previtem is defined and loop.previtem.role == m.role %}\r\n+{% endif %}\r\n{{ m.role[0] }}{{ m.content|length }}\r\n{% endfor %}\r\n"

TOOLS = [
    {"type": "function", "function": {"name": "weather", "description": "Tells the weather\nof a place.", "parameters": {
        "type": "object", "properties": {"city": {"type": "string", "description": "where, e.g. 北京"},
        "days": {"type": "integer"}}, "required": ["city"]}}},
    {"type": "function", "function": {"name": "pick", "description": "Picks \"one\".", "parameters": {
        "type": "object", "properties": {"kind": {"type": "string", "enum": ["a", "b<c"]}, "of": {"type": "array",
        "items": {"type": "object", "properties": {"x": {"type": "number"}}}}}}}},
]
CALL = [{"id": "abcdefghi", "type": "function", "function": {"name": "weather", "arguments": {"city": "北京", "days": 2}}}]
USER = {"role": "user", "content": "How are you?"}
BOT = {"role": "assistant", "content": " Fine, thanks. "}
CONVERSATIONS = {
    "one": {"messages": [USER]},
    "prompt": {"messages": [USER], "add_generation_prompt": True},
    "system": {"messages": [{"role": "system", "content": "Be brief."}, USER, BOT]},
    "turns": {"messages": [USER, BOT, {"role": "user", "content": "And\nnow?\n"}, {"role": "assistant", "content": "<think>\nhm\n</think>\n\nStill."}]},
    "chinese": {"messages": [{"role": "system", "content": "你是助手。"}, {"role": "user", "content": "你好🙂，e\u0301té 👩‍👧"}, {"role": "assistant", "content": "好的"}], "add_generation_prompt": True},
    "tools": {"messages": [USER, {"role": "assistant", "content": None, "tool_calls": CALL}, {"role": "tool", "name": "weather", "content": "{\"t\": 21}"}, {"role": "assistant", "content": "21 degrees."}], "tools": TOOLS},
    "two-calls": {"messages": [USER, {"role": "assistant", "content": "", "tool_calls": CALL + CALL}, {"role": "tool", "content": "a"}, {"role": "tool", "content": "b"}], "tools": TOOLS[:1], "add_generation_prompt": True},
    "no-id": {"messages": [USER, {"role": "assistant", "content": "x", "tool_calls": [{"type": "function", "function": {"name": "f", "arguments": "{}"}}]}]},
    "documents": {"messages": [USER], "documents": [{"title": "T", "text": "some <text>"}, {"text": "二", "title": "U", "n": 1}]},
    "empty": {"messages": [{"role": "user", "content": ""}, {"role": "assistant", "content": ""}]},
    "none": {"messages": []},
    "no-content": {"messages": [{"role": "user"}, {"role": "assistant", "content": None}]},
    "no-role": {"messages": [{"content": "hello"}]},
    "wrong-order": {"messages": [BOT, USER]},
    "twice": {"messages": [USER, USER, BOT, BOT]},
    "odd-role": {"messages": [{"role": "critic", "content": "bad"}]},
    "parts": {"messages": [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": " see "}]}, BOT]},
    "thinking": {"messages": [USER, {"role": "assistant", "content": "4", "reasoning": "2+2"}], "extra": {"thinking_on": False}, "add_generation_prompt": True},
    "number": {"messages": [{"role": "user", "content": 5}]},
    "hostile": {"messages": [{"role": "user", "content": "{{ 7*7 }}{% raw %}<|im_end|>\u0000'\"\\"}, {"role": "assistant", "content": "\ttab\r\n\u2028"}]},
}
