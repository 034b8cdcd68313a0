/** What the expressions of the corpus can use: values such as a form, earlier steps and the scaffolder give. */
export const CONTEXTS = {
  form: {
    parameters: {
      name: 'my-service',
      empty: '',
      number: '42',
      count: 3,
      zero: 0,
      half: 0.5,
      flag: true,
      off: false,
      nothing: null,
      tags: ['java', 'docker'],
      none: [],
      ports: [8080, 9090],
      nested: { owner: { name: 'ada', groups: ['platform'] }, 'dash-ed': 'yes', length: 2 },
      apps: [
        { name: 'editor', url: 'https://a.example', hidden: false },
        { name: 'shell', url: 'https://b.example', hidden: true },
      ],
      repoUrl: 'github.com?owner=acme&repo=my-service',
      owner: 'group:default/platform',
    },
    steps: {
      build: { output: { url: 'https://build.example', items: [1, 2, 3] } },
      'fetch-base': { output: { path: 'src' } },
    },
    user: { ref: 'user:default/ada', entity: { metadata: { name: 'ada', annotations: {} }, spec: { profile: {} } } },
    context: { task: { id: 'abc' } },
    each: { key: '0', value: 'blue' },
  },
} as const;
