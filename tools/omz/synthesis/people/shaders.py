"""The shaders of the renderer: cloth and skin, strands of hair, and depth as a light sees it."""

_LIGHT = """
uniform vec3 eye; uniform vec3 key_at; uniform vec3 key; uniform vec3 fill_at; uniform vec3 fill;
uniform vec3 sky; uniform vec3 ground; uniform mat4 key_view; uniform mat4 sky_view;
uniform sampler2D key_depth; uniform sampler2D sky_depth;

float hash(vec3 p) { p = fract(p * 0.3183099 + 0.1); p *= 17.0; return fract(p.x * p.y * p.z * (p.x + p.y + p.z)); }

float noise(vec3 p) {
    vec3 i = floor(p), f = fract(p); f = f * f * (3.0 - 2.0 * f);
    return mix(mix(mix(hash(i), hash(i + vec3(1, 0, 0)), f.x),
                   mix(hash(i + vec3(0, 1, 0)), hash(i + vec3(1, 1, 0)), f.x), f.y),
               mix(mix(hash(i + vec3(0, 0, 1)), hash(i + vec3(1, 0, 1)), f.x),
                   mix(hash(i + vec3(0, 1, 1)), hash(i + vec3(1, 1, 1)), f.x), f.y), f.z);
}

// The share of a light that arrives: four taps around the point, turned from pixel to pixel.
float lit(sampler2D depths, mat4 view, vec3 p, float reach, float bias) {
    vec3 at = (view * vec4(p, 1)).xyz * 0.5 + 0.5;
    float turn = 6.2832 * hash(vec3(gl_FragCoord.xy, 1.7)), sum = 0.0;
    for (int k = 0; k < 4; k++) {
        float angle = turn + 1.5708 * float(k), far = reach * (0.35 + 0.22 * float(k));
        sum += step(at.z - bias, texture(depths, at.xy + far * vec2(cos(angle), sin(angle))).r);
    }
    return 0.25 * sum;
}

vec3 shown(vec3 light) { return pow(clip_soft(light), vec3(1.0 / 2.2)); }
"""

_SOFT_CLIP = "vec3 clip_soft(vec3 x) { return x / pow(1.0 + pow(x, vec3(3.0)), vec3(1.0 / 3.0)); }\n"

SURFACE_VERTEX = """#version 330
uniform mat4 camera;
in vec3 in_position; in vec3 in_normal; in vec3 in_rest; in vec3 in_colour; in float in_cover;
out vec3 position; out vec3 normal; out vec3 rest; out vec3 colour; out float cover;
void main() {
    position = in_position; normal = in_normal; rest = in_rest; colour = in_colour; cover = in_cover;
    gl_Position = camera * vec4(in_position, 1);
}
"""

SURFACE_FRAGMENT = (
    "#version 330\n"
    + _SOFT_CLIP
    + _LIGHT
    + """
in vec3 position; in vec3 normal; in vec3 rest; in vec3 colour; in float cover; out vec4 result;
uniform int pattern; uniform vec3 second; uniform vec3 third; uniform float scale; uniform float folds;
uniform float shine; uniform float gloss; uniform float flesh;

vec3 painted(vec3 base) {
    vec3 p = rest * scale;
    if (pattern == 1) return mix(base, second, smoothstep(-0.1, 0.1, sin(6.2832 * p.y)));
    if (pattern == 2) {
        float across = smoothstep(-0.1, 0.1, sin(6.2832 * p.x)), down = smoothstep(-0.1, 0.1, sin(6.2832 * p.y));
        float line = step(0.97, max(sin(6.2832 * p.x), sin(6.2832 * p.y)));
        return mix(mix(base, second, 0.5 * (across + down)), third, line);
    }
    if (pattern == 3) return mix(base, second, 1.0 - smoothstep(0.22, 0.28, length(fract(p.xy) - 0.5)));
    if (pattern == 4) {
        vec3 large = mix(base, second, smoothstep(0.42, 0.58, noise(p * 1.5)));
        return mix(large, third, smoothstep(0.6, 0.7, noise(p * 2.5 + 9.0)));
    }
    if (pattern == 5) return mix(base, second, smoothstep(-0.1, 0.1, sin(6.2832 * p.x)));
    if (pattern == 6) {  // an eye: rest is the direction from its middle, in its radius
        float from = length(rest.xy);
        float rays = 0.75 + 0.5 * noise(vec3(atan(rest.x, rest.y) * 9.0, 1, 2));
        vec3 iris = mix(second, second * 0.45, smoothstep(0.28, 0.42, from)) * rays;
        vec3 white = base * (1.0 - 0.25 * smoothstep(0.5, 0.95, from));
        if (rest.z < 0.0) return white;
        return mix(mix(vec3(0.01), iris, smoothstep(0.15, 0.19, from)), white, smoothstep(0.40, 0.45, from));
    }
    return base;
}

void main() {
    if (cover < 0.0) discard;
    vec3 v = normalize(eye - position), n = normalize(normal);
    bool behind = dot(n, v) < 0.0;
    if (behind) n = -n;
    vec3 base = painted(colour);
    float grain = noise(rest * 40.0) * 0.6 + noise(rest * 110.0) * 0.4;
    base *= mix(0.86 + 0.28 * grain, 0.94 + 0.09 * grain + 0.04 * noise(rest * 9.0), flesh);
    if (folds > 0.0) {
        vec3 q = rest * vec3(1.6, 0.8, 1.6), e = vec3(0.06, 0, 0);
        q += 0.7 * vec3(noise(rest * 0.9), noise(rest * 0.9 + 5.0), noise(rest * 0.9 + 11.0));
        float here = noise(q * 1.7);
        vec3 beside = vec3(noise((q + e.xyy) * 1.7), noise((q + e.yxy) * 1.7), noise((q + e.yyx) * 1.7));
        vec3 slope = (beside - here) / 0.06;
        n = normalize(n - folds * (slope - n * dot(n, slope)));
    }
    float key_share = lit(key_depth, key_view, position + n * 0.04, 0.006, 0.004);
    float sky_share = lit(sky_depth, sky_view, position + n * 0.08, 0.045, 0.006);
    float open = 0.35 + 0.65 * sky_share;
    float one = dot(n, key_at), two = dot(n, fill_at);
    vec3 soft = mix(vec3(0.0), vec3(0.30, 0.12, 0.07), flesh);
    vec3 diffuse = max((vec3(one) + soft) / (1.0 + soft), 0.0) * mix(key_share, 1.0, 0.06);
    vec3 light = key * diffuse + fill * max(two, 0.0) * open + mix(ground, sky, 0.5 + 0.5 * n.y) * open;
    float edge = pow(1.0 - max(dot(n, v), 0.0), 4.0);
    float glance = pow(max(dot(n, normalize(key_at + v)), 0.0), gloss) * key_share;
    float second_glance = pow(max(dot(n, normalize(fill_at + v)), 0.0), gloss) * open;
    vec3 seen = base * light + shine * (key * glance + 0.6 * fill * second_glance + 0.25 * edge * sky * open);
    if (behind) seen *= 0.45;
    result = vec4(shown(seen), 1);
}
"""
)

# Strands are lit at their vertices, for they are thin and many lie behind one another.
STRAND_VERTEX = (
    "#version 330\n"
    + _SOFT_CLIP
    + _LIGHT.replace("gl_FragCoord.xy, 1.7", "p.xy * 97.0, p.z * 31.0")
    + """
uniform mat4 camera; uniform float shine; uniform float gloss;
in vec3 in_position; in vec3 in_along; in vec3 in_colour; in vec3 in_out; out vec3 shade;

vec2 strand(vec3 t, vec3 l, vec3 v) {  // after Kajiya and Kay: a cylinder's diffuse and specular share
    float tl = dot(t, l), tv = dot(t, v);
    float sine = sqrt(max(0.0, 1.0 - tl * tl));
    return vec2(sine, pow(max(0.0, sine * sqrt(max(0.0, 1.0 - tv * tv)) - tl * tv), gloss));
}

void main() {
    vec3 v = normalize(eye - in_position), t = normalize(in_along), n = normalize(in_out);
    vec2 one = strand(t, key_at, v), two = strand(t, fill_at, v);
    float key_share = lit(key_depth, key_view, in_position + n * 0.06, 0.006, 0.006);
    float open = 0.45 + 0.55 * lit(sky_depth, sky_view, in_position + n * 0.1, 0.03, 0.01);
    float facing = smoothstep(-0.5, 0.6, dot(n, key_at)) * key_share, away = smoothstep(-0.5, 0.8, dot(n, fill_at));
    vec3 around = mix(ground, sky, 0.5 + 0.5 * n.y) * open;
    vec3 light = 0.8 * key * one.x * facing + 0.6 * fill * two.x * away * open + around;
    vec3 white = mix(in_colour, vec3(1.0), 0.35);
    shade = shown(in_colour * light + shine * white * (key * one.y * facing + 0.5 * fill * two.y * away));
    gl_Position = camera * vec4(in_position, 1);
}
"""
)

STRAND_FRAGMENT = """#version 330
in vec3 shade; out vec4 result;
void main() { result = vec4(shade, 1); }
"""

DEPTH_VERTEX = """#version 330
uniform mat4 camera; in vec3 in_position; in float in_cover; out float cover;
void main() { cover = in_cover; gl_Position = camera * vec4(in_position, 1); }
"""

DEPTH_FRAGMENT = """#version 330
in float cover;
void main() { if (cover < 0.0) discard; }
"""
