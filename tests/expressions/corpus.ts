/** Texts written by hand: every piece of the language, what people get wrong, and the engine's odd corners. */
export const CORPUS: readonly string[] = String.raw`
plain text, $ and { and } and {{ braces }}
\${{ parameters.name }}
\${{parameters.name}}
 \${{ parameters.name }}
\${{ parameters.name }}.
\${{ parameters.count }}
\${{ parameters.count }}\${{ parameters.count }}
\${{ parameters.tags }}
tags: \${{ parameters.tags }}
\${{ parameters.nested }}
nested: \${{ parameters.nested }}
apps: \${{ parameters.apps }}
\${{ parameters.nothing }}
x-\${{ parameters.nothing }}-y
\${{ parameters.nme }}
x-\${{ parameters.nme }}-y
\${{ nowhere }}
\${{ nowhere.at.all }}
\${{ undefined }}
\${{ parameters['name'] }}
\${{ parameters["name"].length }}
\${{ parameters.nested['dash-ed'] }}
\${{ parameters.nested.dash-ed }}
\${{ steps.fetch-base.output.path }}
\${{ steps['fetch-base'].output.path }}
\${{ steps.build.output.url }}
\${{ steps.build.output.items[0] }}
\${{ steps.build.output.items[7] }}
\${{ steps.build.output.items['length'] }}
\${{ steps.later.output.url }}
\${{ parameters.apps[1].url }}
\${{ parameters.apps.1.url }}
\${{ parameters.apps[1]["url"] }}
\${{ parameters.apps[parameters.zero].name }}
\${{ parameters[each.value] }}
\${{ parameters['na' + 'me'] }}
\${{ parameters.tags.name }}
\${{ parameters.name.first }}
\${{ parameters.flag.x }}
\${{ parameters.count.x }}
\${{ parameters.name[0] }}
\${{ parameters.tags.0 }}
\${{ parameters.nested.length }}
\${{ user.entity.metadata.name }}
\${{ user.entity.metadata.nmae }}
\${{ context.task.id }}
\${{ each.value }}
\${{ each.key }}
\${{ 1 + 2 }}
\${{ 1 + '2' }}
\${{ '1' - 0 }}
\${{ 'a' - 1 }}
\${{ parameters.name - 1 }}
\${{ parameters.number * 2 }}
\${{ parameters.nested * 2 }}
\${{ parameters.tags + '!' }}
\${{ parameters.nested + '!' }}
\${{ parameters.nothing + 1 }}
\${{ parameters.nme + 1 }}
\${{ parameters.flag + 1 }}
\${{ parameters.ports[0] + 1 }}
\${{ 7 / 2 }}
\${{ 7 // 2 }}
\${{ 7 % 4 * 2 }}
\${{ 2 ** 3 ** 2 }}
\${{ -parameters.count }}
\${{ +parameters.number }}
\${{ - -1 }}
\${{ -(-1) }}
\${{ 1 // 2 % 3 / 4 * 5 }}
\${{ 10 / 4 // 2 }}
\${{ 10 * 4 // 3 }}
\${{ 'a' ~ 'b' ~ parameters.count }}
\${{ 'a' ~ parameters.nme }}
\${{ 'a' ~ parameters.nested }}
\${{ parameters.name == 'my-service' }}
\${{ parameters.name === 'other' }}
\${{ parameters.count == '3' }}
\${{ parameters.count === '3' }}
\${{ parameters.count != 3 }}
\${{ parameters.flag == true }}
\${{ parameters.flag == 'true' }}
\${{ parameters.flag === 'true' }}
\${{ parameters.flag == 1 }}
\${{ parameters.off == '' }}
\${{ parameters.off == 'false' }}
\${{ parameters.nothing == undefined }}
\${{ parameters.nothing === undefined }}
\${{ parameters.nme == null }}
\${{ parameters.tags == parameters.tags }}
\${{ parameters.tags == 'java,docker' }}
\${{ parameters.count > 2 }}
\${{ parameters.count > '10' }}
\${{ parameters.name < 'z' }}
\${{ parameters.nme > 1 }}
\${{ 1 < 2 < 3 }}
\${{ 3 > 2 > 1 }}
\${{ 1 < 2 == true }}
\${{ not parameters.flag }}
\${{ not parameters.name == 'x' }}
\${{ not (parameters.name == 'x') }}
\${{ not parameters.flag == false }}
\${{ not parameters.name in 'abc' }}
\${{ not parameters.count + 1 }}
\${{ not not parameters.flag }}
\${{ !parameters.flag }}
\${{ parameters.flag && parameters.off }}
\${{ parameters.flag || parameters.off }}
\${{ parameters.flag ? 'a' : 'b' }}
\${{ parameters.flag and parameters.name }}
\${{ parameters.off and parameters.name }}
\${{ parameters.off or parameters.name }}
\${{ parameters.nme or 'default' }}
\${{ parameters.empty or parameters.zero or parameters.none }}
\${{ 'a' if parameters.flag else 'b' }}
\${{ 'a' if parameters.off else 'b' }}
\${{ 'a' if parameters.off }}
\${{ parameters.nme if parameters.nme }}
\${{ parameters.nme if parameters.nme else 'x' }}
\${{ 'a' if parameters.none else 'b' }}
\${{ 'a' if not parameters.flag else 'b' if parameters.flag else 'c' }}
\${{ ('a' if parameters.flag else 'b') ~ 'c' }}
\${{ 'java' in parameters.tags }}
\${{ 'rust' in parameters.tags }}
\${{ 'name' in parameters.nested.owner }}
\${{ 'serv' in parameters.name }}
\${{ 3 in parameters.count }}
\${{ 'a' in parameters.nothing }}
\${{ 'a' in parameters.nme }}
\${{ 'a' not in parameters.tags }}
\${{ parameters.name in ['a', 'b'] }}
\${{ parameters.name in ['my-service'] }}
\${{ 1 in ['1'] }}
\${{ parameters.name is defined }}
\${{ parameters.nme is defined }}
\${{ parameters.nme is not defined }}
\${{ parameters.nme is undefined }}
\${{ parameters.nothing is null }}
\${{ parameters.nothing is none }}
\${{ parameters.flag is true }}
\${{ parameters.flag is boolean }}
\${{ parameters.name is string }}
\${{ parameters.name is strng }}
\${{ parameters.count is number }}
\${{ parameters.count is odd }}
\${{ parameters.count is divisibleby(3) }}
\${{ parameters.count is divisibleby }}
\${{ parameters.count is odd(1) }}
\${{ parameters.count is gt(2) }}
\${{ parameters.tags is iterable }}
\${{ parameters.nested is mapping }}
\${{ parameters.nothing is iterable }}
\${{ parameters.name is lower }}
\${{ parameters.count is lower }}
\${{ parameters.count is sameas(3) }}
\${{ parameters.count is 'odd' }}
\${{ parameters.count is odd == true }}
\${{ parameters.name | upper }}
\${{ parameters.name | upper | lower | title }}
\${{ parameters.name|upper }}
\${{ parameters.name | uper }}
\${{ parameters.name | tojson }}
\${{ parameters.name | dump }}
\${{ parameters.nme | dump }}
\${{ parameters.nested | dump }}
\${{ parameters.nested | dump(2) }}
\${{ parameters.count | upper }}
\${{ parameters.flag | upper }}
\${{ parameters.off | upper }}
\${{ parameters.nothing | upper }}
\${{ parameters.nme | upper }}
\${{ parameters.tags | upper }}
\${{ parameters.nested | lower }}
\${{ parameters.name | trim }}
\${{ parameters.nme | trim }}
\${{ parameters.count | trim }}
\${{ parameters.nme | nl2br }}
\${{ parameters.off | nl2br }}
\${{ parameters.name | capitalize }}
\${{ parameters.name | replace('-', '_') }}
\${{ parameters.name | replace('-') }}
\${{ parameters.name | replace(r/-/g, '_') }}
\${{ parameters.count | replace(3, 4) }}
\${{ parameters.tags | replace('a', 'b') }}
\${{ parameters.nme | replace('a', 'b') }}
\${{ parameters.count | replace(r/3/, '4') }}
\${{ parameters.name | default('x') }}
\${{ parameters.nme | default('x') }}
\${{ parameters.nothing | default('x') }}
\${{ parameters.empty | default('x') }}
\${{ parameters.empty | default('x', true) }}
\${{ parameters.empty | default('x', boolean=true) }}
\${{ parameters.nme | d(1) }}
\${{ parameters.nme | default }}
\${{ parameters.tags | join(', ') }}
\${{ parameters.tags | join }}
\${{ parameters.apps | join(', ', 'name') }}
\${{ parameters.name | join(', ') }}
\${{ parameters.nme | join(', ') }}
\${{ parameters.tags | length }}
\${{ parameters.tags | length > 1 }}
\${{ parameters.name | length }}
\${{ parameters.nested | length }}
\${{ parameters.count | length }}
\${{ parameters.flag | length }}
\${{ parameters.off | length }}
\${{ parameters.nme | length }}
\${{ parameters.tags | first }}
\${{ parameters.none | first }}
\${{ parameters.nothing | first }}
\${{ parameters.name | last }}
\${{ parameters.nested | first }}
\${{ parameters.count | first }}
\${{ parameters.tags | reverse }}
\${{ parameters.name | reverse }}
\${{ parameters.count | reverse }}
\${{ parameters.tags | sort }}
\${{ parameters.apps | sort(false, false, 'name') }}
\${{ parameters.apps | sort(attribute='name') }}
\${{ parameters.apps | sort(reverse=true, attribute='name') }}
\${{ parameters.apps | selectattr('hidden') }}
\${{ parameters.apps | rejectattr('hidden') | first }}
\${{ parameters.nme | selectattr('hidden') }}
\${{ parameters.name | selectattr('hidden') }}
\${{ parameters.ports | select('odd') }}
\${{ parameters.ports | select('od') }}
\${{ parameters.ports | reject('gt', 8081) }}
\${{ parameters.nme | select }}
\${{ parameters.apps | groupby('hidden') }}
\${{ parameters.nested | dictsort }}
\${{ parameters.nested.owner | dictsort }}
\${{ parameters.tags | dictsort }}
\${{ parameters.ports | sum }}
\${{ parameters.apps | sum('name') }}
\${{ parameters.name | sum }}
\${{ parameters.number | int }}
\${{ parameters.name | int }}
\${{ parameters.name | int(5) }}
\${{ parameters.name | int(default=5) }}
\${{ parameters.number | int + 1 }}
\${{ parameters.number | float }}
\${{ parameters.half | round }}
\${{ parameters.name | round }}
\${{ parameters.count | abs }}
\${{ parameters.count | string }}
\${{ parameters.nme | string }}
\${{ parameters.tags | string }}
\${{ parameters.tags | list }}
\${{ parameters.name | list }}
\${{ parameters.nested.owner | list }}
\${{ parameters.count | list }}
\${{ parameters.nme | list }}
\${{ parameters.ports | batch(1) }}
\${{ parameters.ports | slice(2) }}
\${{ parameters.count | slice(2) }}
\${{ parameters.nme | batch(2) }}
\${{ parameters.name | truncate(3) }}
\${{ parameters.count | truncate(3) }}
\${{ parameters.tags | truncate(3) }}
\${{ parameters.nested | truncate(3) }}
\${{ parameters.name | center(20) }}
\${{ parameters.count | center(20) }}
\${{ parameters.name | indent(2) }}
\${{ parameters.count | indent }}
\${{ parameters.name | wordcount }}
\${{ parameters.empty | wordcount }}
\${{ parameters.count | wordcount }}
\${{ parameters.name | urlencode }}
\${{ parameters.nested.owner | urlencode }}
\${{ parameters.count | urlencode }}
\${{ parameters.name | urlize }}
\${{ parameters.nme | urlize }}
\${{ parameters.name | striptags }}
\${{ parameters.name | safe }}
\${{ parameters.count | escape }}
\${{ parameters.name | e }}
\${{ parameters.name | forceescape }}
\${{ parameters.name | upper() }}
\${{ parameters.name | upper(1, 2) }}
\${{ parameters.name | upper.lower }}
\${{ parameters.name | }}
\${{ | upper }}
\${{ parameters.repoUrl | parseRepoUrl }}
\${{ parameters.repoUrl | parseRepoUrl | pick('owner') }}
\${{ (parameters.repoUrl | parseRepoUrl).repo }}
\${{ parameters.repoUrl | parseRepoUrl.repo }}
\${{ (parameters.repoUrl | parseRepoUrl)['host'] }}
\${{ parameters.repoUrl | projectSlug }}
\${{ parameters.nme | parseRepoUrl }}
\${{ parameters.count | parseRepoUrl }}
\${{ parameters.name | parseRepoUrl }}
\${{ parameters.owner | parseEntityRef }}
\${{ parameters.owner | parseEntityRef | pick('name') }}
\${{ parameters.owner | parseEntityRef(defaultKind='group') }}
\${{ 'x' | parseEntityRef({ defaultKind: 'group', defaultNamespace: 'default' }) }}
\${{ parameters.nme | parseEntityRef }}
\${{ parameters.count | parseEntityRef }}
\${{ parameters.nested | pick('owner') }}
\${{ parameters.nested | pick('owner.name') }}
\${{ parameters.nested | pick }}
\${{ parameters.name.toUpperCase() }}
\${{ parameters.name.toUppercase() }}
\${{ parameters.name.toUpperCase }}
\${{ parameters.name.toUpperCase | upper }}
\${{ parameters.name.toUpperCase() ~ parameters.name.trim }}
\${{ parameters.name.split('-') }}
\${{ parameters.name.split('-')[0] }}
\${{ parameters.name.split('-', 1) | first }}
\${{ parameters.name.split('-', 1, 2) }}
\${{ parameters.name.replace('-', '') }}
\${{ parameters.name.replace('-') }}
\${{ parameters.name.replace(r/-/g, '') }}
\${{ parameters.name.match('a') }}
\${{ parameters.name.includes('serv') }}
\${{ parameters.name.startsWith('my') }}
\${{ parameters.name.substring(0, 2) }}
\${{ parameters.name['trim']() }}
\${{ parameters.name.length() }}
\${{ parameters.tags.includes('java') }}
\${{ parameters.tags.join('-') }}
\${{ parameters.tags.map('x') }}
\${{ parameters.tags.indexOf('java') }}
\${{ parameters.tags.concat(['x']) }}
\${{ parameters.tags.slice(1) }}
\${{ parameters.tags.at(0).length }}
\${{ parameters.tags.pop() }}
\${{ parameters.tags.push('x') }}
\${{ parameters.tags.sort().join() }}
\${{ parameters.count.toFixed(2) }}
\${{ parameters.count.toString() }}
\${{ parameters.flag.toString() }}
\${{ parameters.nested.keys() }}
\${{ parameters.nested.hasOwnProperty('owner') }}
\${{ parameters.nme.trim() }}
\${{ parameters.nothing.trim() }}
\${{ parameters.name() }}
\${{ nowhere() }}
\${{ range(3) }}
\${{ range(1, 10, 2) }}
\${{ range(1, 2, 3, 4) }}
\${{ range(stop=3) }}
\${{ range }}
\${{ always() }}
\${{ failure() }}
\${{ always }}
\${{ always(1) }}
\${{ always(x=1) }}
\${{ allways() }}
\${{ not failure() }}
\${{ failure() or parameters.flag }}
\${{ cycler('a', 'b').next() }}
\${{ joiner('x')() }}
\${{ r/^my-/.test(parameters.name) }}
\${{ r/a+/g }}
\${{ r/a/x }}
\${{ r/a }}
\${{ r/a\/b/.test('a/b') }}
\${{ [1, 'a', parameters.flag] }}
\${{ [] }}
\${{ [1, 2,] }}
\${{ [parameters.nme] }}
\${{ { a: 1, 'b': parameters.name } }}
\${{ {a: {b: 1}} }}
\${{ { a: { b: 1 } } }}
\${{ {} }}
\${{ { a: 1 }.a }}
\${{ { 1: 2 } }}
\${{ { true: 2 } }}
\${{ { a } }}
\${{ (1, 2, 3) }}
\${{ () }}
\${{ parameters.tags[0:1] }}
\${{ parameters.tags[1:] }}
\${{ parameters.tags[:1] }}
\${{ parameters.tags[::-1] }}
\${{ parameters.name[0:2] }}
\${{ parameters.name[0:2] | join }}
\${{ parameters.nme[0:2] }}
\${{ parameters.count[0:2] }}
\${{ parameters.tags[] }}
\${{ parameters.tags[0 }}
\${{ parameters.constructor }}
\${{ parameters['constructor'] }}
\${{ parameters.__proto__ }}
\${{ parameters.prototype }}
\${{ 'it\'s' }}
\${{ "a\nb\tc\\d\q" }}
\${{ 'open }}
\${{ "a }} b" }}
\${{ 'a' 'b' }}
\${{ parameters.name parameters.count }}
\${{ parameters. }}
\${{ .parameters }}
\${{ parameters..name }}
\${{ parameters.1name }}
\${{ 1name }}
\${{ .5 }}
\${{ 1. }}
\${{ 1.5.toFixed() }}
\${{ 1.5 }}
\${{ 007 }}
\${{ true }}
\${{ True }}
\${{ None }}
\${{ null }}
\${{ none }}
\${{ }}
\${{}}
\${{ parameters.name
\${{ parameters.name }
\${ { parameters.name }}
{{ parameters.name }}
\${{ \${{ parameters.name }} }}
\${{ $parameters.name }}
\${{ parameters.name; }}
\${{ parameters.name = 'x' }}
\${{ parameters.größe }}
\${{ 'größe' ~ parameters.name }} ✓ \${{ parameters.count }}
\${{- parameters.name -}}
 \${{- parameters.name -}} 
a \${{- parameters.name -}} b
a \${{ -parameters.count }}
{# comment #}
{# comment #}\${{ parameters.name }}
\${{ parameters.count }}{# comment #}
a {#- comment -#} b
{# open
stray #} end
a \${{ parameters.name }} #} b
{% if parameters.flag %}yes{% else %}no{% endif %}
{% if parameters.off %}a{% elif parameters.count == 3 %}b{% elseif parameters.flag %}c{% else %}d{% endif %}
{% if parameters.flag %}yes
{% if parameters.flag %}yes{% endfor %}
{% if %}yes{% endif %}
{% if parameters.flag and %}yes{% endif %}
{% endif %}
{% else %}
{% if parameters.flag %}yes{% else x %}no{% endif %}
{% if parameters.nme %}\${{ parameters.nme }}{% endif %}
{% for tag in parameters.tags %}\${{ tag }},{% endfor %}
{% for tag in parameters.none %}\${{ tag }}{% else %}none{% endfor %}
{% for key, value in parameters.nested.owner %}\${{ key }}{% endfor %}
{% for app in parameters.apps %}\${{ loop.index }}:\${{ app.name }}{% if not loop.last %}, {% endif %}{% endfor %}
{% for app in parameters.apps %}\${{ app.nme }}{% endfor %}
{% for loop in parameters.tags %}x{% endfor %}
{% for a, b in [[1, 2], [3, 4]] %}\${{ a + b }};{% endfor %}
{% for tag parameters.tags %}x{% endfor %}
{% for in parameters.tags %}x{% endfor %}
{% for tag in parameters.nme %}x{% endfor %}
{% for a, b in parameters.nothing %}x{% endfor %}
{% set x = 1 %}\${{ x + 1 }}
{% set x = parameters.name %}\${{ x | upper }}
{% set x, y = 2 %}\${{ x + y }}
{% set x %}body \${{ parameters.name }}{% endset %}\${{ x }}
{% set x = 1 %}{% if parameters.flag %}{% set x = 'a' %}{% endif %}\${{ x }}
{% set true = 1 %}
{% set x %}{% macro m() %}{% endmacro %}{% endset %}
{% set x == 1 %}
{% set x = %}
{% macro hi(name, greeting='hello') %}\${{ greeting }} \${{ name }}{% endmacro %}\${{ hi('ada') }}
{% macro hi(name) %}\${{ name }}{% endmacro %}\${{ hi(name='ada') }} \${{ hi }}
{% macro hi %}x{% endmacro %}
{% macro hi('a') %}x{% endmacro %}
{% macro wrap() %}<\${{ caller() }}>{% endmacro %}{% call wrap() %}x{% endcall %}
{% macro wrap(x) %}<\${{ caller(x) }}>{% endmacro %}{% call(y) wrap(1) %}\${{ y }}{% endcall %}
{% call parameters.name %}x{% endcall %}
{% call parameters.name() %}x{% endcall %}
{% filter upper %}abc{% endfilter %}
{% filter replace('b', 'x') %}abc{% endfilter %}
{% filter uper %}abc{% endfilter %}
{% filter %}abc{% endfilter %}
{% block a %}x{% endblock %}
{% block a %}x{% endblock a %}
{% block a %}x{% endblock b %}
{% block a %}x{% endblock %}{% block a %}y{% endblock %}
{% switch parameters.count %}{% case 1 %}one{% case 3 %}three{% default %}many{% endswitch %}
{% switch parameters.count %} {% case 1 %}one{% endswitch %}
{% switch parameters.count %}{% endswitch %}
{% switch parameters.count %}{% case 'x' | uper %}{% default %}x{% endswitch %}
{% raw %}\${{ not.parsed | at all }}{% endraw %}
{% raw %}{% raw %}a{% endraw %}b{% endraw %}
{% verbatim %}\${{ x }}{% endverbatim %}
{% raw %}\${{ x }}
{% raw x %}a{% endraw %}
{%- raw -%} a {% endraw %} b
{% include 'x' %}
{% import 'x' as y %}
{% extends 'x' %}
{% from 'x' import y %}
{% fi parameters.flag %}x{% endif %}
{% %}
{%
{% if parameters.flag -%} a {%- endif %}
{% if '%}' == parameters.name %}a{% endif %}
{% for x in {a: [1]}['a'] %}\${{ x }}{% endfor %}
{% for x in parameters.tags if x %}a{% endfor %}
\${{ parameters.name if parameters.flag else parameters.tags.map() }}
\${{ parameters.off and (parameters.count | upper) }}
\${{ parameters.flag and (parameters.count | upper) }}
\${{ parameters.flag or (parameters.count | nofilter) }}
\${{ 'x' if parameters.off else (parameters.count | nofilter) }}
\${{ [parameters.name.trim] }}
\${{ { a: parameters.name.trim } }}
\${{ parameters.name.trim == 1 }}
\${{ parameters.name.trim if parameters.flag else 1 }}
\${{ parameters.name.trim and 1 }}
\${{ (parameters.name.trim, 1) }}
\${{ parameters.name[parameters.name.trim] }}
\${{ parameters.tags.push(parameters.name.trim) }}
\${{ not parameters.name.trim }}
\${{ parameters.name.trim is callable }}
\${{ parameters.name.trim is defined }}
\${{ parameters.name.trim.x }}
{% if parameters.name.trim %}x{% endif %}
{% for x in parameters.name.trim %}x{% endfor %}
{% set f = parameters.name.trim %}\${{ f() }}
{% set f = parameters.name.toUpperCase %}\${{ f }}
\${{ ('my' in parameters.name) and parameters.name.length > 3 }}
\${{ parameters.tags | length if parameters.tags else 0 }}
\${{ (parameters.nme or {}).x }}
\${{ (parameters.nested or {}).owner.name }}
\${{ parameters.nested.owner.groups[0] | upper }}
\${{ user.entity.spec.profile.email }}
\${{ user.entity.spec.profile.email or user.ref }}
\${{ user.entity.metadata.annotations['x/y'] }}
https://\${{ (parameters.repoUrl | parseRepoUrl).host }}/\${{ parameters.name }}/tree/main
\${{ "prefix-" + parameters.name + "-suffix" }}
\${{ parameters.name + '-' + parameters.count }}
\${{ parameters.count * parameters.ports[1] - 1 }}
\${{ steps.build.output.items.length }}
\${{ steps.build.output.items | join }}
\${{ steps.build.output['url'] | replace('https://', '') }}
`
  .replaceAll('\\$', '$')
  .split('\n')
  .slice(1, -1)
  .concat([
    '${{ parameters.name }}\n',
    '\n${{ parameters.name }}',
    '${{\n  parameters.name\n    | upper\n}}',
    "${{ 'a\nb' }}",
    '{% raw %}a{% endraw\n%}',
    '${{\u00a0parameters.name\u00a0}}',
    '${{\u2003parameters.name }}',
    'a\u2003{#- c -#}\u3000b',
    '${{ parameters.tags\n[0] }}',
    '#!/bin/sh\necho "${{ parameters.name }}" # {{ not.this }}\n',
    'x\n{%- if parameters.flag %}\n  y\n{%- endif %}\n',
    "{% switch parameters.count %}\n{% case 1 %}one{% endswitch %}",
    '',
  ]);
