// Backstage's web UI from published packages: the catalog, the scaffolder and Roadie's field, nothing of ours.
import { getComponentData } from '@backstage/core-plugin-api';
import { createApp } from '@backstage/frontend-defaults';
import { createFrontendModule } from '@backstage/frontend-plugin-api';
import catalogPlugin from '@backstage/plugin-catalog/alpha';
import scaffolderPlugin from '@backstage/plugin-scaffolder/alpha';
import { createFormField, FormFieldBlueprint } from '@backstage/plugin-scaffolder-react/alpha';
import '@backstage/ui/css/styles.css';
import { SelectFieldFromApiExtension } from '@roadiehq/plugin-scaffolder-frontend-module-http-request-field';
import ReactDOM from 'react-dom/client';
import { keycloakAuthApi, signInPage } from './sign-in.tsx';

// The package still speaks Backstage's older frontend system; what it holds is the same.
const selectFieldFromApi = FormFieldBlueprint.make({
  name: 'select-field-from-api',
  params: {
    field: async () => createFormField(getComponentData(<SelectFieldFromApiExtension />, 'scaffolder.extensions.field.v1')!),
  },
});

const formFields = createFrontendModule({ pluginId: 'scaffolder', extensions: [selectFieldFromApi] });
const signIn = createFrontendModule({ pluginId: 'app', extensions: [keycloakAuthApi, signInPage] });
const app = createApp({ features: [catalogPlugin, scaffolderPlugin, formFields, signIn] });

ReactDOM.createRoot(document.getElementById('root')!).render(app.createRoot());
