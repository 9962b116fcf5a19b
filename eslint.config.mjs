import typescript from '@typescript-eslint/eslint-plugin';
import parser from '@typescript-eslint/parser';
import a11y from 'eslint-plugin-jsx-a11y';
import hooks from 'eslint-plugin-react-hooks';

export default [
  { ignores: ['labextension/src/api/schema.ts', 'labextension/lib/**', 'node_modules/**'] },
  ...typescript.configs['flat/strict-type-checked'],
  a11y.flatConfigs.recommended,
  {
    files: ['labextension/src/**/*.{ts,tsx}'],
    languageOptions: { parser, parserOptions: { project: './tsconfig.json' } },
    plugins: { 'react-hooks': hooks },
    rules: {
      ...hooks.configs.recommended.rules,
      '@typescript-eslint/explicit-function-return-type': ['error', { allowExpressions: true }],
      '@typescript-eslint/no-namespace': ['error', { allowDeclarations: true }], // CommandIDs, as Lab names them
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/unbound-method': ['error', { ignoreStatic: true }],
      'max-lines': ['error', 250],
      'max-lines-per-function': ['error', 150],
      curly: 'error',
      eqeqeq: 'error'
    }
  }
];
